"""Parameters of ensembling."""

from pydantic import BaseModel, ConfigDict, Field


class EnsemblingParameters(BaseModel):
    """What is pooled, and what the files for people hold.

    Attributes:
        leave_out: Members that are not pooled although their predictions exist.
        top_k: Names a photo in the top-k table.
        results_dir: Where the results are, for the summary.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    leave_out: tuple[str, ...] = ()
    top_k: int = Field(5, ge=1)
    results_dir: str = "data"
