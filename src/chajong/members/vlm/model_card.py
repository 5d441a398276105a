"""What the hub shows about exported adapters: what they are, what they are asked, how good."""

from __future__ import annotations

from typing import Any

from chajong.members.cards.card import fill_card
from chajong.members.vlm.adapters import HEAD_FILE
from chajong.members.vlm.parameters import HintsParameters, VlmClassifierParameters

TAGS = ("vision-language", "car-model-recognition", "chajong")

OBJECTIVES = {
    "listwise": "cross entropy over the log-likelihoods of the candidates' names",
    "answer": "the log-likelihood of the right name's tokens",
    "letters": "cross entropy over the letters of the listed options",
    "class_head": "cross entropy of a linear head on the last hidden state",
}


def adapter_card(
    configuration: dict[str, Any],
    metrics: dict[str, Any],
    fold: int | None,
    difference: float | None = None,
) -> str:
    """Describe adapters, or a whole model with one merged in, for people and for the hub.

    Args:
        configuration: A checkpoint's, from `vlm_checkpoint`.
        metrics: The member's figures.
        fold: The fold whose folder the card goes into, None for the folder around all of them.
        difference: Of a merged model: largest difference of a log-probability of the proof photos
            between the model with its adapter beside it and the merged one.

    Returns:
        Markdown with a YAML header.
    """
    from huggingface_hub import ModelCardData

    from chajong.members.vlm.base_model import FULL_PRECISION

    parameters = VlmClassifierParameters(**configuration["model"])
    hints = HintsParameters(**configuration["hints"])
    merged = difference is not None
    data = ModelCardData(
        base_model=parameters.model,
        language=["ko", "en"],
        library_name="transformers" if merged else "peft",
        license="other",
        license_name="that-of-the-base-model",
        pipeline_tag="image-text-to-text",
        tags=[*([] if merged else ["lora"]), *TAGS],
    )
    folds = configuration["folds"]
    return fill_card(
        "adapters.md",
        data,
        model=parameters,
        merged=merged,
        difference=difference,
        fold=fold,
        folds=folds,
        inside=f', subfolder="fold_{folds[0]}"' if fold is None else "",
        classes=len(configuration["class_names"]),
        objective=OBJECTIVES[parameters.objective],
        hinted=hints.given and hints.in_prompt,
        example=parameters.templates[0].hint.format(name="K5", percent=62),
        metrics=metrics,
        head_file=HEAD_FILE,
        skipped=list(FULL_PRECISION),
    )
