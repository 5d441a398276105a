"""What the last step of a member gave, kept under all that it depends on.

A run in which nothing changed takes it from there; whatever changes it makes anew. Only the latest
is kept.
"""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel

from chajong.device import best_precision
from chajong.manifest import DamagedError, check_folder
from chajong.members.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from chajong.members.libraries import library_versions, program
from chajong.members.proof import arithmetic_here
from chajong.photos.store import PhotoStore
from chajong.predictions.contract import Predictions, read_predictions, write_predictions
from chajong.tables import read_parquet, write_parquet
from chajong.whole import share_files, whole_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

KEY_FILE = "key.txt"


def kept_outputs(
    folder: Path, depends_on: Any, names: Sequence[str], make: Callable[[], Sequence[Any]]
) -> tuple[Any, ...]:
    """Take a step's outputs from where an earlier run left them, or make and keep them.

    Args:
        folder: Keeps them; it holds nothing else. Files that lie beside it already are shared.
        depends_on: All that they depend on besides code and device; see `content_key`.
        names: What each output is called.
        make: Makes them: predictions, checkpoints, tables or JSON values.
    """
    where = [program(), library_versions(), arithmetic_here(str(best_precision())).written()]
    key = content_key([depends_on, where, list(names)])
    try:
        if (folder / KEY_FILE).exists():
            check_folder(folder, "It is made again.")
            if (folder / KEY_FILE).read_text(encoding="utf-8") == key:
                return tuple(_read(folder, name) for name in names)
    except (DamagedError, OSError) as error:
        logger.warning("%s", error)
        shutil.rmtree(folder)
    outputs = tuple(make())
    with whole_folder(folder, known_by=KEY_FILE) as unfinished:
        for name, output in zip(names, outputs, strict=True):
            _write(output, unfinished, name)
        (unfinished / KEY_FILE).write_text(key, encoding="utf-8")
    share_files(folder, [folder.parent])  # the weights of trainings
    return outputs


def _write(output: Any, folder: Path, name: str) -> None:
    import pyarrow as pa

    if isinstance(output, Predictions):
        write_predictions(output, folder / f"{name}.predictions")
    elif isinstance(output, Checkpoint):
        write_checkpoint(output, folder / name)
    elif isinstance(output, pd.DataFrame):
        write_parquet(pa.Table.from_pandas(output), folder / f"{name}.parquet")
    else:
        text = json.dumps(output, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def _read(folder: Path, name: str) -> Any:
    if (folder / name).is_dir():
        return read_checkpoint(folder / name)
    if (file := folder / f"{name}.predictions").exists():
        return read_predictions(file)
    if (file := folder / f"{name}.parquet").exists():
        return read_parquet(file).to_pandas()
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def content_key(value: Any) -> str:
    """Name a value by its content.

    Args:
        value: JSON values, arrays, tensors, tables, parameters, photo stores, and dataclasses and
            mappings of these.

    Returns:
        A hexadecimal sha-256, the same in every process.

    Raises:
        TypeError: The value holds something else, whose content is not known.
    """
    digest = sha256()
    for part in _parts(value):
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.hexdigest()


def _parts(value: Any) -> Iterator[bytes | memoryview]:
    """Give a value as bytes, each part told from the others by its kind and its length."""
    if value is None or isinstance(value, bool | int | float | str):
        yield repr(value).encode()
    elif isinstance(value, dict):
        yield b"dict %d" % len(value)
        for key in sorted(value, key=repr):
            yield from _parts(key)
            yield from _parts(value[key])
    elif isinstance(value, list | tuple):
        yield b"list %d" % len(value)
        for each in value:
            yield from _parts(each)
    elif isinstance(value, BaseModel):
        yield type(value).__name__.encode()
        yield from _parts(value.model_dump(mode="json"))
    elif isinstance(value, PhotoStore):
        yield from _parts([value.preparation, sorted(value.keys())])
    elif is_dataclass(value) and not isinstance(value, type):
        yield type(value).__name__.encode()
        for field in fields(value):
            yield from _parts(getattr(value, field.name))
    else:
        yield from _parts_of_numbers(value)


def _parts_of_numbers(value: Any) -> Iterator[bytes | memoryview]:
    import torch

    if isinstance(value, torch.Tensor):
        yield f"tensor {value.dtype} {tuple(value.shape)}".encode()
        flat = value.detach().cpu().contiguous().reshape(-1)
        yield flat.view(torch.uint8).numpy().data
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        yield f"array {value.dtype} {value.shape}".encode()
        yield np.ascontiguousarray(value).reshape(-1).view(np.uint8).data
    elif isinstance(value, pd.DataFrame):
        yield b"table"
        yield memoryview(_as_arrow(value))
    else:
        raise TypeError(f"The content of a {type(value).__name__} is not known.")


def _as_arrow(table: pd.DataFrame) -> Any:
    import pyarrow as pa

    # Without pandas' metadata, which name its version.
    content = pa.Table.from_pandas(table).replace_schema_metadata(None)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, content.schema) as stream:
        stream.write_table(content)
    return sink.getvalue()
