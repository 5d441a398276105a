"""What the hub shows about exported adapters: what they are, what they are asked, how good."""

from __future__ import annotations

from typing import Any

from chajong.members.vlm.adapters import HEAD_FILE
from chajong.members.vlm.parameters import HintsParameters, VlmClassifierParameters

TAGS = ("vision-language", "car-model-recognition", "chajong")

OBJECTIVES = {
    "listwise": "cross entropy over the log-likelihoods of the candidates' names",
    "answer": "the log-likelihood of the right name's tokens",
    "letters": "cross entropy over the letters of the listed options",
    "class_head": "cross entropy of a linear head on the last hidden state",
}

LIMITS = """## Limits

- It chooses among the car models of `classes.json` and knows no others; where other predictions
  name the candidates, it cannot give a name that these leave out.
- Out-of-fold figures hold for photos like those of the training set.
- The photos are RGB, resized to one shape within {max_pixels} pixels.
"""

LOAD_BASE = {
    "nf4": """base = AutoModelForImageTextToText.from_pretrained(
    "{model}",{revision}
    quantization_config=BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
        llm_int8_skip_modules={skipped},
    ),
    dtype=torch.bfloat16,
)""",
    "none": """base = AutoModelForImageTextToText.from_pretrained(
    "{model}",{revision}
    dtype=torch.bfloat16,
)""",
}


def adapter_card(configuration: dict[str, Any], metrics: dict[str, Any], fold: int | None) -> str:
    """Describe adapters, for people and for the hub.

    Source of the format: https://huggingface.co/docs/hub/model-cards.

    Args:
        configuration: A checkpoint's, from `vlm_checkpoint`.
        metrics: The member's figures.
        fold: The fold whose folder the card goes into, None for the folder around all of them.

    Returns:
        Markdown with a YAML header.
    """
    parameters = VlmClassifierParameters(**configuration["model"])
    folds = ", ".join(f"`fold_{each}`" for each in configuration["folds"])
    place = (
        f"Each of the folders {folds} holds one adapter"
        if fold is None
        else f"This is the adapter of fold {fold}"
    )
    about = (
        f"{place}: changes of low rank to `{parameters.model}`, with which it names the car in a "
        f"photo as one of {len(configuration['class_names'])} models. An adapter was trained on "
        "the photos outside its fold."
    )
    sections = [
        f"# Car models by {parameters.model}\n\n{about}\n",
        _training(parameters),
        _questions(parameters, HintsParameters(**configuration["hints"])),
        _figures(metrics),
        LIMITS.format(max_pixels=parameters.max_pixels),
        _loading(parameters, fold, configuration["folds"][0]),
    ]
    return _header(parameters.model, "peft", ["lora"]) + "\n".join(sections)


def merged_card(
    configuration: dict[str, Any], metrics: dict[str, Any], fold: int, difference: float
) -> str:
    """Describe a whole model with an adapter merged in; see `adapter_card`.

    Args:
        configuration: A checkpoint's, from `vlm_checkpoint`.
        metrics: The member's figures.
        fold: The fold.
        difference: Largest difference of a log-probability of the proof photos between the model
            with its adapter beside it and the merged one.

    Returns:
        Markdown with a YAML header.
    """
    parameters = VlmClassifierParameters(**configuration["model"])
    quantised = parameters.quantisation == "nf4"
    base = "its weights unpacked from 4 bits" if quantised else "its weights"
    head = f" The head is in `{HEAD_FILE}`." if parameters.objective == "class_head" else ""
    about = (
        f"`{parameters.model}` in bfloat16, the adapter of fold {fold} merged into {base}.{head} "
        "Its log-probabilities of the photos that are kept as proof differ by up to "
        f"{difference:.3g} nats from those with the adapter beside the model; the figures below "
        "are of the latter."
    )
    loading = (
        "## Loading\n\n```python\nfrom transformers import AutoModelForImageTextToText, "
        'AutoProcessor\n\nmodel = AutoModelForImageTextToText.from_pretrained(".", dtype="auto")\n'
        'processor = AutoProcessor.from_pretrained(".")\n```\n'
    )
    sections = [
        f"# Car models by {parameters.model}, merged\n\n{about}\n",
        _training(parameters),
        _questions(parameters, HintsParameters(**configuration["hints"])),
        _figures(metrics),
        LIMITS.format(max_pixels=parameters.max_pixels),
        loading,
    ]
    return _header(parameters.model, "transformers", []) + "\n".join(sections)


def _header(base_model: str, library: str, tags: list[str]) -> str:
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        base_model=base_model,
        language=["ko", "en"],
        library_name=library,
        license="other",
        license_name="that-of-the-base-model",
        pipeline_tag="image-text-to-text",
        tags=[*tags, *TAGS],
    )
    return f"---\n{data.to_yaml()}\n---\n\n"


def _training(parameters: VlmClassifierParameters) -> str:
    lora = parameters.lora
    quantised = parameters.quantisation == "nf4"
    vision = (
        f"rank {lora.vision_rank} in the last {lora.vision_blocks} blocks of the vision tower"
        if lora.vision_blocks
        else "none in the vision tower"
    )
    weights = (
        "the language model's linear layers in 4 bits (nf4, doubly quantised scales)"
        if quantised
        else "not quantised"
    )
    return (
        "## Training\n\n"
        f"- Objective: {parameters.objective}, {OBJECTIVES[parameters.objective]}.\n"
        f"- Changes (LoRA): rank {lora.rank} in all linear layers of the language model, {vision}; "
        f"alpha {lora.alpha:g}, dropout {lora.dropout:g}.\n"
        f"- Frozen weights: {weights}.\n"
        "- Licence: that of the base model.\n"
    )


def _questions(parameters: VlmClassifierParameters, hints: HintsParameters) -> str:
    hinted = hints.given and hints.in_prompt
    asked = [
        f"- {template.with_hints if hinted else template.without_hints}"
        for template in parameters.templates
    ]
    if hinted:
        example = parameters.templates[0].hint.format(name="K5", percent=62)
        asked.append(f"\nThe hints are another model's most probable names, such as `{example}`.")
    return "\n".join(["## What it is asked\n", *asked, ""])


def _figures(metrics: dict[str, Any]) -> str:
    rows = [
        ("log loss, calibrated", f"{metrics['log_loss']:.4f}"),
        ("accuracy", f"{metrics['accuracy']:.1%}"),
    ]
    if "hinting_member" in metrics:
        interval = f"{metrics['gain_low']:.4f} to {metrics['gain_high']:.4f}"
        rows += [
            ("predictions that the answers are merged with", f"`{metrics['hinting_member']}`"),
            ("gain over them, nats a photo", f"{metrics['gain']:.4f} (95 % interval {interval})"),
            ("photos asked about", f"{metrics['asked_share']:.1%}"),
        ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"## Out-of-fold figures\n\n| figure | value |\n|---|---|\n{table}\n"


def _loading(parameters: VlmClassifierParameters, fold: int | None, first: int) -> str:
    from chajong.members.vlm.base_model import FULL_PRECISION

    published = parameters.weights == "hub"
    revision = f'\n    revision="{parameters.revision}",' if published else ""
    base = LOAD_BASE[parameters.quantisation].format(
        model=parameters.model, revision=revision, skipped=list(FULL_PRECISION)
    )
    inside = "" if fold is not None else f', subfolder="fold_{first}"'
    imports = "AutoModelForImageTextToText, AutoProcessor"
    if parameters.quantisation == "nf4":
        imports += ", BitsAndBytesConfig"
    code = (
        f"import torch\nfrom peft import PeftModel\nfrom transformers import {imports}\n\n{base}\n"
        f'model = PeftModel.from_pretrained(base, "."{inside})\n'
        f'processor = AutoProcessor.from_pretrained("."{inside})\n'
    )
    head = (
        f"\nThe head (`{HEAD_FILE}`) reads the last hidden state; `classes.json` has its classes.\n"
        if parameters.objective == "class_head"
        else ""
    )
    return (
        "## Loading\n\nWith peft, `.` being this folder or its repository:\n\n"
        f"```python\n{code}```\n{head}"
    )
