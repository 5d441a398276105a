"""Parameters of ensembling."""

from pydantic import Field

from chajong.parameters import Strict


class EnsemblingParameters(Strict):
    """What is pooled, and what the files for people hold.

    Attributes:
        leave_out: Members that are not pooled although their predictions exist.
        top_k: Names a photo in the top-k table.
        results_dir: Where the results are, for the summary.
    """

    leave_out: tuple[str, ...] = ()
    top_k: int = Field(5, ge=1)
    results_dir: str = "data"
