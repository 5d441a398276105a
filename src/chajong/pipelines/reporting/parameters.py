"""Parameters of reporting."""

from chajong.parameters import Strict
from chajong.texts import Language


class ReportingParameters(Strict):
    """What the pages tell people.

    Attributes:
        review_file: Where a person writes verdicts on doubtful labels; the catalog's
            `photo_review` reads it.
        blur: Whether faces and number plates are blurred in the pages' photos, as far as OpenCV
            finds them (the extra `app` has it).
        language: The language of the pages.
    """

    review_file: str = "data/01_raw/photo_review.csv"
    blur: bool = False
    language: Language = "en"
