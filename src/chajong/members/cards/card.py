"""Model cards in the hub's format, from its library's templates.

Source of the format: https://huggingface.co/docs/hub/model-cards.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from huggingface_hub import ModelCardData

    from chajong.members.cards.data import DataSummary
    from chajong.texts import Language, Texts

TEMPLATES = Path(__file__).with_name("templates")

TAGS = ["image-classification", "car-model-recognition", "chajong"]

FIGURES: Texts = {
    "log_loss": {"ko": "로그 손실", "en": "log loss"},
    "challenge_log_loss": {
        "ko": "대회 지표로 계산한 로그 손실 (제출 파일의 열 기준)",
        "en": "log loss by the challenge's metric, over the submission's columns",
    },
    "uniform_log_loss": {"ko": "균등 추측의 로그 손실", "en": "log loss of a uniform guess"},
    "accuracy": {"ko": "정확도", "en": "accuracy"},
    "top_5_accuracy": {
        "ko": "상위 5개 안에 정답이 있는 비율",
        "en": "right name among the first five",
    },
    "calibration_error": {"ko": "기대 보정 오차(ECE)", "en": "expected calibration error"},
}
"""Out-of-fold figures that a card tells, where they are known."""

TEMPLATE: dict[Language, str] = {"ko": "model_ko.md", "en": "model.md"}
ENSEMBLE_TITLES: dict[Language, str] = {
    "ko": "모델 {}개의 앙상블",
    "en": "an ensemble of {} members",
}


def fill_card(template: str, data: ModelCardData, **told: Any) -> str:
    """Fill a template of the folder beside this file.

    Args:
        template: Its name.
        data: What the YAML header says.
        told: What the template asks for.

    Returns:
        Markdown with a YAML header.
    """
    from huggingface_hub import ModelCard

    return str(ModelCard.from_template(data, template_path=str(TEMPLATES / template), **told))


def ensemble_card(
    figures: Mapping[str, Any],
    members: Mapping[str, float],
    left_out: Sequence[str],
    data: DataSummary,
    weights: pd.DataFrame,
    language: Language = "en",
) -> str:
    """Describe a saved ensemble.

    Args:
        figures: Out of fold, from `ensemble_report`.
        members: Their weights in the pool.
        left_out: Members of the run's ensemble that cannot answer about new photos.
        data: What it was trained on.
        weights: From `describe_weights`.
        language: The reader's.

    Returns:
        Markdown with a YAML header.
    """
    return _model_card(
        ENSEMBLE_TITLES[language].format(len(members)),
        figures,
        data,
        weights,
        language,
        members=members,
        left_out=left_out,
    )


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
    return _model_card(title, metrics, data, weights, "en", folds=folds)


def _model_card(
    title: str,
    figures: Mapping[str, Any],
    data: DataSummary,
    weights: pd.DataFrame,
    language: Language,
    **told: Any,
) -> str:
    known = [
        (said[language], _number(name, figures[name]))
        for name, said in FIGURES.items()
        if figures.get(name) is not None
    ]
    rows = weights.to_dict("records")
    header = _header(figures, weights)
    return fill_card(
        TEMPLATE[language], header, title=title, photos=data, figures=known, weights=rows, **told
    )


def card_body(card: str) -> str:
    """Give a card without its YAML header."""
    _, _, body = card.partition("\n---\n") if card.startswith("---\n") else ("", "", card)
    return body.lstrip()


def _header(figures: Mapping[str, Any], weights: pd.DataFrame) -> ModelCardData:
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
    return ModelCardData(
        language=["ko", "en"],
        library_name="chajong",
        license="other" if licences else "mit",
        license_name="those-of-the-weights-it-starts-from" if licences else None,
        pipeline_tag="image-classification",
        tags=TAGS,
        model_name="chajong" if results else None,
        eval_results=results or None,
    )


def _number(name: str, value: float) -> str:
    return f"{value:.1%}" if "accuracy" in name else f"{value:.4f}"
