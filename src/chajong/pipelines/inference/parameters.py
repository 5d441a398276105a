"""Parameters of inference."""

from pydantic import Field

from chajong.parameters import Strict
from chajong.texts import Language


class InferenceParameters(Strict):
    """How new photos are answered.

    Attributes:
        member: The member that answers alone; the whole ensemble where it is not given.
        pool_vehicles: Whether photos of one vehicle get one answer together. A list of photos
            names their vehicles in its column `vehicle`; elsewhere each folder is a vehicle.
        top_k: Names a photo.
        language: The language of the summary.
        results_dir: Where the results are, for the summary.
    """

    member: str | None = None
    pool_vehicles: bool = False
    top_k: int = Field(5, ge=1)
    language: Language = "en"
    results_dir: str = "data"
