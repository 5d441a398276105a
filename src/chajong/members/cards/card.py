"""Model cards in the hub's format.

Source of the format: https://huggingface.co/docs/hub/model-cards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from chajong.members.cards.data import DataSummary

TAGS = ["image-classification", "car-model-recognition", "chajong"]

FIGURES = {
    "log_loss": "log loss",
    "challenge_log_loss": "log loss by the challenge's metric, over the submission's columns",
    "uniform_log_loss": "log loss of a uniform guess",
    "accuracy": "accuracy",
    "top_5_accuracy": "right name among the first five",
    "calibration_error": "expected calibration error",
}
"""Out-of-fold figures that a card tells, where they are known."""

LIMITS = """## Limits

- It chooses among the classes that it was trained on and knows no other car; a photo of anything
  else gets one of these names, usually with a low probability.
- Its probabilities are calibrated for photos like those of the training set. Where photos come
  from elsewhere, or classes are more or less frequent, measure again or give another prior.
- Figures are out of fold: no photo's label reached its own prediction, and near-duplicates never
  straddle folds. They are no measurement on photos from elsewhere.
- It is not made to tell people or single vehicles apart, and says nothing about a car's condition.
"""

LOADING = """## Loading

```python
from chajong import CarClassifier

classifier = CarClassifier.load("path/to/this/directory")
print(classifier.predict("photos/"))
```
"""


def ensemble_card(
    figures: Mapping[str, Any],
    members: Mapping[str, float],
    left_out: Sequence[str],
    data: DataSummary,
    weights: pd.DataFrame,
) -> str:
    """Describe a saved ensemble.

    Args:
        figures: Out of fold, from `ensemble_report`.
        members: Their weights in the pool.
        left_out: Members of the run's ensemble that cannot answer about new photos.
        data: What it was trained on.
        weights: From `describe_weights`.

    Returns:
        Markdown with a YAML header.
    """
    rows = "\n".join(f"| `{name}` | {weight:.3f} |" for name, weight in members.items())
    without = (
        "\nNot in this directory, because they know the run's photos only: "
        f"{', '.join(left_out)}.\n"
        if left_out
        else ""
    )
    sections = [
        f"# {data.classes} car models by an ensemble of {len(members)} members\n",
        "It names the car in a photo, with calibrated probabilities.\n",
        f"## Members\n\n| member | weight |\n|---|---|\n{rows}\n{without}",
        _data(data),
        _figures(figures),
        _weights(weights),
        LIMITS,
        LOADING,
    ]
    return _header(figures, weights) + "\n".join(sections)


def checkpoint_card(
    title: str,
    configuration: Mapping[str, Any],
    metrics: Mapping[str, Any],
    data: DataSummary,
    weights: pd.DataFrame,
) -> str:
    """Describe one member's checkpoint.

    Args:
        title: What the member is.
        configuration: The checkpoint's.
        metrics: Its out-of-fold figures.
        data: What it was trained on.
        weights: From `describe_weights`, those of this member.

    Returns:
        Markdown with a YAML header.
    """
    count = configuration["folds"]
    folds = count if isinstance(count, int) else len(count)
    sections = [
        f"# {data.classes} car models by {title}\n",
        f"One model for each of {folds} folds, as safetensors; `configuration.json` says how it is "
        "built. A load scores a few photos again and refuses to go on where the scores differ.\n",
        _data(data),
        _figures(metrics),
        _weights(weights),
        LIMITS,
        "## Loading\n\nWith the ensemble that it is part of: "
        '`CarClassifier.load("path/to/ensemble", member="its name")`.\n',
    ]
    return _header(metrics, weights) + "\n".join(sections)


def card_body(card: str) -> str:
    """Give a card without its YAML header."""
    _, _, body = card.partition("\n---\n") if card.startswith("---\n") else ("", "", card)
    return body.lstrip()


def _header(figures: Mapping[str, Any], weights: pd.DataFrame) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type="image-classification",
            dataset_type="own",
            dataset_name="out of fold",
            metric_type=name,
            metric_value=round(float(figures[name]), 4),
        )
        for name in ("log_loss", "accuracy")
        if figures.get(name) is not None
    ]
    licences = sorted(set(weights["licence"]) - {"MIT"})
    data = ModelCardData(
        language=["ko", "en"],
        library_name="chajong",
        license="other" if licences else "mit",
        license_name="those-of-the-weights-it-starts-from" if licences else None,
        pipeline_tag="image-classification",
        tags=TAGS,
        model_name="chajong" if results else None,
        eval_results=results or None,
    )
    return f"---\n{data.to_yaml()}\n---\n\n"


def _data(data: DataSummary) -> str:
    merged = data.names - data.classes
    names = f"{data.names} names, {merged} of which mean a class that has another name too"
    return (
        "## Training data\n\n"
        f"- {data.classes} classes ({names if merged else f'{data.names} names'}).\n"
        f"- {data.train:,} photos in {data.folds} folds; {data.calibration:,} more that no model "
        "was trained on, for calibration.\n"
        f"- {data.uncounted:,} photos whose labels contradict others' were neither trained on nor "
        f"scored; {data.unreadable:,} could not be read.\n"
    )


def _figures(figures: Mapping[str, Any]) -> str:
    rows = "\n".join(
        f"| {said} | {_number(name, figures[name])} |"
        for name, said in FIGURES.items()
        if figures.get(name) is not None
    )
    return f"## Out-of-fold figures\n\n| figure | value |\n|---|---|\n{rows}\n"


def _number(name: str, value: float) -> str:
    return f"{value:.1%}" if "accuracy" in name else f"{value:.4f}"


def _weights(weights: pd.DataFrame) -> str:
    if not len(weights):
        return "## Weights it starts from\n\nNone: all of it was initialised at random.\n"
    rows = "\n".join(
        f"| `{row['member']}` | {row['model']} ({_source(row)}) "
        f"| {row['licence'] or 'not known'} | {row['published'] or 'not known'} "
        f"| {row['source']} | {row['note']} |"
        for row in weights.to_dict("records")
    )
    head = "| member | model | licence | published | source | note |\n|---|---|---|---|---|---|"
    return f"## Weights it starts from\n\n{head}\n{rows}\n"


def _source(row: Mapping[Any, Any]) -> str:
    return f"{row['weights']} at {row['commit']}" if row["commit"] else str(row["weights"])
