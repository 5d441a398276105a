"""List the licences of all that an installation brings: ``python -m tools.licences``.

What packages say of themselves is read, from an environment that has them; no network is asked.
"""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata, requires
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import PackageMetadata

PROJECT = Path(__file__).parents[1]
TABLE = PROJECT / "docs" / "licences.md"
EXTRAS = ("app", "heic", "onnx", "openvino", "mlflow", "ray", "s3")
"""What people install besides; tools of developers are not passed on."""

LONGEST = 60
"""Characters of what may be a licence's name and not its text."""

HEADER = """# Licences of the dependencies

What an installation of chajong with all extras brings
(`pip install "chajong[app,onnx,openvino,mlflow,ray,s3]"`), as each package's own metadata says;
versions are in `constraints.txt`. Weights have licences of their own: [weights.md](weights.md).
Made by `python -m tools.licences`; known vulnerabilities of these versions are listed by
`pip-audit -r constraints.txt`, which asks a database on the network.

| package | licence | |
|---|---|---|
"""


def main() -> None:
    """Write the table."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    named = [*project["dependencies"], *(each for extra in EXTRAS for each in extras[extra])]
    direct = {canonicalize_name(Requirement(each).name) for each in named}
    rows = [
        f"| {name} | {licence} | {'named by chajong' if name in direct else ''} |"
        for name, licence in sorted(licences(named).items())
    ]
    TABLE.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")


def licences(requirements: Iterable[str]) -> dict[str, str]:
    """Give the licence of every package that requirements bring, by its canonical name.

    Args:
        requirements: As `pyproject.toml` words them.
    """
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(each) for each in requirements]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        for extra in {"", *wanted.extras}:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            try:
                found[name] = licence_of(metadata(name))
            except PackageNotFoundError:
                found[name] = "not installed here"
                continue
            below = (Requirement(each) for each in requires(name) or ())
            waiting += [each for each in below if _applies(each, extra)]
    return found


def _applies(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    return marker is None or marker.evaluate({"extra": extra})


def licence_of(described: PackageMetadata) -> str:
    """Say under which licence a package is, by the clearest of the places where it may say so."""
    if expression := _field(described, "License-Expression"):
        return expression
    classifiers = [
        each.rpartition(" :: ")[2]
        for each in described.get_all("Classifier") or ()
        if each.startswith("License :: ") and not each.endswith("OSI Approved")
    ]
    worded = _field(described, "License").strip()
    if worded and len(worded) <= LONGEST and worded.upper() != "UNKNOWN":
        return re.sub(r"\s+", " ", worded)
    return ", ".join(classifiers) or worded.partition("\n")[0][:LONGEST] or "not said"


def _field(described: PackageMetadata, name: str) -> str:
    return next(iter(described.get_all(name) or ()), "")


if __name__ == "__main__":
    main()
