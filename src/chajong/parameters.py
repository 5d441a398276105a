"""What all parameters have in common, and how wrong ones are told."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails

from chajong.slip import SlipError
from chajong.texts import Language

Model = TypeVar("Model", bound=BaseModel)


class ParameterError(SlipError, ValueError):
    """Parameters that cannot be used; the message names each, and the near ones."""


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


class Globals(Strict):
    """What several pipelines share: the settings of ``globals.yml``.

    Attributes:
        seed: Everything that a run draws at random comes from it.
        raw_dir: The photos: a folder, or its address as fsspec names it.
        data_dir: Everything that a run writes.
        mirror: A second place for what runs write.
        experiment: What runs try; their name in the history of runs.
        language: Of what people read.
        train_table: A CSV of paths and labels inside `raw_dir`, in place of one folder a class.
        group_column: The column that names the vehicle or listing of a photo.
        group_pattern: A regular expression that finds it in the file names of train photos.
        group_minutes: Photos of one camera that follow within so many are of one vehicle.
        typical_photos: Photos as they will come: a folder, a glob or a list.
    """

    seed: int = Field(ge=0)
    raw_dir: str
    data_dir: str
    mirror: str | None = None
    experiment: str = Field("chajong", min_length=1)
    language: Language = "en"
    train_table: str | None = None
    group_column: str | None = None
    group_pattern: str | None = None
    group_minutes: float | None = Field(None, gt=0)
    typical_photos: str | None = None


class RunSettings(Globals):
    """What can be given on the command line, besides the parameters of pipelines and members.

    Attributes:
        photos_dir: New photos to be answered: a folder, a glob or a list.
        class_prior: A CSV of how frequent classes are among them.
        minutes: How long a run may take: members are chosen and sized by what they are expected to
            take on this machine. All of them run as they are described where it is not given.
        replace_photos: Whether a `data_dir` with results of other photos may be used for these.
    """

    photos_dir: str | None = None
    class_prior: str | None = None
    minutes: float | None = Field(None, gt=0)
    replace_photos: bool = False


TEXT_SETTINGS = frozenset(
    name
    for name, field in RunSettings.model_fields.items()
    if str in {field.annotation, *get_args(field.annotation)}
)
"""Settings that are names or paths, whatever they look like."""


def read_settings(model: type[Model], values: Mapping[str, Any], title: str) -> Model:
    """Read settings that a person has written.

    Args:
        model: Says which there are.
        values: As they are written.
        title: What they are, for the message.

    Raises:
        ParameterError: Some are unknown or wrong; all of them are named.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise ParameterError("\n".join([title, *wrong_settings(model, error.errors())])) from error


def wrong_settings(
    model: type[BaseModel], errors: Iterable[ErrorDetails], prefix: str = ""
) -> list[str]:
    """Name each wrong setting by its place in the configuration, with the near ones.

    Args:
        model: Refused the settings.
        errors: Why.
        prefix: Where the settings stand.
    """
    lines = []
    for each in errors:
        *above, last = each["loc"] or ("",)
        place = ".".join(str(part) for part in (prefix, *each["loc"]) if part != "")
        if each["type"] == "extra_forbidden":
            near = near_names(str(last), _settings(model, above))
            lines.append(f"  {place}: there is no such setting{near}.")
        else:
            reason = each["msg"].removeprefix("Value error, ").removesuffix(".")
            given = "" if isinstance(each["input"], dict) else f" (given: {each['input']!r})"
            lines.append(f"  {place}: {reason}{given}.")
    return lines


def _settings(model: type[BaseModel], place: Sequence[Any]) -> set[str]:
    """List the settings that there are at a place; of a choice between models those of all."""
    models = [model]
    for part in place:
        below = [each.model_fields[part].annotation for each in models if part in each.model_fields]
        # A choice between models adds the chosen one's name to the place.
        models = [found for annotation in below for found in _models(annotation)] or models
    return {name for each in models for name in each.model_fields}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Find the models of an annotation, of a union or of a sequence too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def near_names(name: str, known: Iterable[str]) -> str:
    """Word a question for names that were perhaps meant; nothing where none is near."""
    near = get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f" (did you mean {' or '.join(near)}?)" if near else ""


def first_problem(error: ValidationError) -> str:
    """Say what is wrong first, with its place."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    return f"{place}: {reason}" if place else reason
