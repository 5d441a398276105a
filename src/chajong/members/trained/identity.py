"""What a training is kept under: all that its result depends on."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chajong.members.trained.tables import TrainingTables
    from chajong.training.parameters import TrainingParameters

NOT_IN_KEY = {"folds", "device", "loader_workers", "save_every", "compile"}
"""Settings of training that change its speed, or which folds are trained, and no fold's model."""


def training_key(
    model: dict[str, Any], training: TrainingParameters, tables: TrainingTables
) -> str:
    """Name a training by all that its result depends on.

    Args:
        model: JSON values that say which model starts from which weights.
        training: How it is trained.
        tables: Which photos it is trained on.

    Returns:
        A hexadecimal sha-256.
    """
    parts = [
        model,
        training.model_dump(mode="json", exclude=NOT_IN_KEY),
        tables.training_contract,
        tables.folds["photo_id"].tolist(),
        tables.store.preparation,
    ]
    return sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
