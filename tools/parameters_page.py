"""Write the page of all parameters from their models: ``python -m tools.parameters_page``."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined, to_jsonable_python

from chajong.members.registry import KINDS
from chajong.parameters import RunSettings
from chajong.run_parameters import RunParameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

PAGE = Path(__file__).parents[1] / "docs" / "parameters.md"

HEADER = """# Parameters

Every setting with its default. `conf/<environment>/` holds what people change; the command line
changes one value, `kedro run --params data_processing.folds=6,backbone.training.epochs=8`. A key
that is not listed here is refused, wherever it stands. A `seed` of 0 below is that of all pipelines
unless it is set.

Made from the parameters' models by `python -m tools.parameters_page`.
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Give the page as Markdown: a section a pipeline, and one a kind of member."""
    blocks = {
        name: model
        for name, field in RunParameters.model_fields.items()
        for model in _models_in(field.annotation)
    }
    sections = [
        _section("What all pipelines share, in globals.yml or by --params", "", RunSettings),
        _section("Where long work is computed", "engine", blocks.pop("engine")),
        *(_section(f"Pipeline {name}", name, model) for name, model in blocks.items()),
        *(_section(f"Members of kind {name}", "", kind.parameters) for name, kind in KINDS.items()),
    ]
    return "\n".join([HEADER, *sections])


def _section(title: str, prefix: str, model: type[BaseModel]) -> str:
    lines = [f"## {title}", "", "| setting | default | meaning |", "|---|---|---|"]
    lines += [
        f"| `{name}` | {default} | {meaning} |"
        for name, default, meaning in settings(model, prefix)
    ]
    return "\n".join([*lines, ""])


def settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """List a model's settings, those of models inside it under their dotted names.

    Args:
        model: Its docstring says in a section ``Attributes`` what each setting means.
        prefix: Stands before each name.

    Yields:
        The name, the default, and the meaning, in Markdown.
    """
    meanings = attributes(model)
    for name, field in model.model_fields.items():
        dotted = f"{prefix}.{name}" if prefix else name
        inner = list(_models_in(field.annotation))
        yield dotted, _default(field, inner), _escaped(meanings.get(name, ""))
        for each in inner:
            marked = f"{dotted} ({_libraries(each)})" if len(inner) > 1 else dotted
            yield from settings(each, marked)


def attributes(model: type[BaseModel]) -> dict[str, str]:
    """Read what the docstrings of a model, and of those that it extends, say of its settings."""
    found: dict[str, str] = {}
    own = [each for each in reversed(model.__mro__) if each.__module__.split(".")[0] != "pydantic"]
    for each in own:
        text = inspect.cleandoc(each.__dict__.get("__doc__") or "")
        _, _, section = text.partition("Attributes:\n")
        for entry in re.split(r"\n(?=    \w)", "\n" + section.split("\n\n")[0]):
            name, colon, meaning = entry.strip().partition(": ")
            if colon and name.isidentifier():
                found[name] = re.sub(r"\s+", " ", meaning)
    return found


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is Annotated:
        yield from _models_in(get_args(annotation)[0])
    elif get_origin(annotation) not in {tuple, list, dict}:
        for each in get_args(annotation):
            yield from _models_in(each)


def _libraries(model: type[BaseModel]) -> str:
    """Name the libraries by which one of several models is chosen."""
    return ", ".join(get_args(model.model_fields["library"].annotation))


def _default(field: FieldInfo, inner: list[type[BaseModel]]) -> str:
    default = field.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return "required"
    if default is None:
        return "`null`"
    if inner:
        return ""
    if isinstance(default, tuple) and any(isinstance(each, tuple | BaseModel) for each in default):
        return f"{len(default)} entries"
    return f"`{default if isinstance(default, str) else json.dumps(to_jsonable_python(default))}`"


def _escaped(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    main()
