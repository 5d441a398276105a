"""What all parameters have in common."""

from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)


class Strict(BaseModel):
    """Parameters that cannot be changed and do not accept unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Seeded(Strict):
    """Parameters whose parts are drawn from one seed, unless a part names its own.

    The configuration gives every block the project's seed; a block hands it on to the models,
    trainings and other parts inside it that have a `seed`.

    Attributes:
        seed: Seed of everything drawn at random.
    """

    model_config = ConfigDict(validate_default=True)

    seed: int = Field(0, ge=0)

    @field_validator("*", mode="after")
    @classmethod
    def _hand_on_the_seed(cls, part: Any, info: ValidationInfo) -> Any:
        has_one = isinstance(part, Strict) and "seed" in type(part).model_fields
        if not has_one or "seed" in part.model_fields_set or "seed" not in info.data:
            return part
        return part.model_copy(update={"seed": info.data["seed"]})


def first_problem(error: ValidationError) -> str:
    """Say what is wrong first, with its place."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    return f"{place}: {reason}" if place else reason
