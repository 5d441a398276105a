"""What all parameters have in common."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Parameters that cannot be changed and do not accept unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")
