"""Measurements beside estimates: as a table, and as JSON."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from benchmarks.gpu_check.rows import Row

CEILING = ("extraction", "ceiling")
TERA = "tera_operations_per_second"


def joined(rows: Sequence[Row], estimates: Sequence[Row]) -> list[dict[str, Any]]:
    """Put estimates beside what was measured.

    Args:
        rows: The measurements.
        estimates: Estimates under the same sections and names, where there are some.

    Returns:
        A record a row: `section`, `name`, `status`, `seconds`, `note`, `measured`, `estimated`, and
        `ratio`, measured over estimated, of the figures that both have. Where the ceiling was
        measured, `measured` says in `share_of_ceiling` how much of it a row reaches. An estimate
        that could not be made has a record of its own.
    """
    reckoned = {(each.section, each.name): each.figures for each in estimates}
    ceiling = next(
        (row.figures.get(TERA) for row in rows if (row.section, row.name) == CEILING), None
    )
    wanting = [
        replace(each, name=f"{each.name}, estimate") for each in estimates if each.status != "ran"
    ]
    records = [_record(row, reckoned.get((row.section, row.name), {}), ceiling) for row in rows]
    return [*records, *(_record(each, {}, None) for each in wanting)]


def _record(row: Row, estimated: dict[str, float], ceiling: float | None) -> dict[str, Any]:
    record = asdict(row)
    measured = record.pop("figures")
    speed, operations = measured.get("photos_per_second"), estimated.get("operations_per_photo")
    if ceiling and speed and operations:
        measured["share_of_ceiling"] = speed * operations / (ceiling * 1e12)
    both = measured.keys() & estimated.keys()
    ratio = {name: measured[name] / estimated[name] for name in sorted(both) if estimated[name]}
    return {**record, "measured": measured, "estimated": estimated, "ratio": ratio}


def device(*, dry: bool) -> dict[str, Any]:
    """Describe the first GPU and what drives it, or name the CPU where no GPU was used."""
    import torch

    about: dict[str, Any] = {
        "torch": torch.__version__,
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    if dry:
        return {"name": "CPU", **about}
    found = torch.cuda.get_device_properties(0)
    return {
        "name": found.name,
        "compute_capability": f"{found.major}.{found.minor}",
        "native_bfloat16": torch.cuda.is_bf16_supported(including_emulation=False),
        "memory_gb": found.total_memory / 1e9,
        "count": torch.cuda.device_count(),
        "driver": _driver(),
        "cuda": torch.version.cuda,
        **about,
    }


def _driver() -> str | None:
    """Ask the driver for its version; torch knows only that of CUDA."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    query = [tool, "--query-gpu=driver_version", "--format=csv,noheader", "--id=0"]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()


def table(records: Sequence[dict[str, Any]]) -> str:
    """Lay out records, one line a figure; a row without figures has a line too."""
    lines = [_line("", "", "measured", "estimated", "ratio")]
    section = None
    for record in records:
        if record["section"] != section:
            section = record["section"]
            lines += ["", section]
        title = record["name"]
        note = f"  ({record['note']})" if record["note"] else ""
        if record["status"] != "ran":
            lines.append(f"  {title}: {record['status']}{note}")
            continue
        lines.append(f"  {title}{note}")
        for name, value in record["measured"].items():
            estimated, ratio = record["estimated"].get(name), record["ratio"].get(name)
            cells = (_number(each) for each in (value, estimated, ratio))
            lines.append(_line("", name.replace("_", " "), *cells))
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _line(title: str, name: str, *cells: str) -> str:
    return f"{title:4}{name:28}" + "".join(cell.rjust(12) for cell in cells)
