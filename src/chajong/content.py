"""Values named by their content."""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from hashlib import sha256
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel


@runtime_checkable
class KnownByContent(Protocol):
    """A dataset that can name what is stored."""

    def content(self) -> str | None:
        """Name what is stored by its content, None where nothing is known of it."""


@runtime_checkable
class Provisional(Protocol):
    """A dataset that may hold less than there is."""

    def is_provisional(self) -> bool:
        """Tell whether another try may give more, because something was out of reach."""


def content_key(value: Any) -> str:
    """Name a value by its content.

    Args:
        value: JSON values, parameters, and dataclasses and lists of these.

    Returns:
        A hexadecimal sha-256, the same in every process.

    Raises:
        TypeError: The value holds something else, whose content is not known.
    """
    written = json.dumps(value, ensure_ascii=True, sort_keys=True, default=_content)
    return sha256(written.encode()).hexdigest()


def _content(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return [type(value).__name__, value.model_dump(mode="json")]
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, asdict(value)]
    raise TypeError(f"The content of a {type(value).__name__} is not known.")
