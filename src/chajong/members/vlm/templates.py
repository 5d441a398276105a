"""The words of a question, in Korean and in English."""

from string import Formatter

from pydantic import field_validator

from chajong.parameters import Strict

FIELDS = {
    "with_hints": frozenset({"hints"}),
    "without_hints": frozenset[str](),
    "hint": frozenset({"name", "percent"}),
}
"""The fields that each text may have; those of a question must be there."""


class PromptTemplate(Strict):
    """What a model is asked about a photo.

    Attributes:
        with_hints: The question where another member's predictions go before it; the field
            ``{hints}`` is their place.
        without_hints: The question alone.
        hint: One of those predictions: ``{name}`` is the car's, ``{percent}`` its probability as a
            whole number.
    """

    with_hints: str
    without_hints: str
    hint: str = "{name} ({percent} %)"

    @field_validator(*FIELDS)
    @classmethod
    def _fields_are_known(cls, text: str, info: object) -> str:
        name: str = info.field_name  # type: ignore[attr-defined]
        try:
            found = {field for _, field, _, _ in Formatter().parse(text) if field is not None}
        except ValueError as error:
            raise _unreadable(text, error) from error
        unknown = sorted(found - FIELDS[name])
        if unknown:
            known = ", ".join(f"{{{field}}}" for field in sorted(FIELDS[name])) or "none"
            message = (
                f"{text!r} has the unknown field {{{unknown[0]}}}; the fields of `{name}` are: "
                f"{known}"
            )
            raise ValueError(message)
        needed = {"with_hints": "hints", "hint": "name"}.get(name)
        if needed and needed not in found:
            raise ValueError(f"{text!r} lacks the field {{{needed}}}")
        try:
            text.format(hints="", name="", percent=0)
        except ValueError as error:
            raise _unreadable(text, error) from error
        return text


def _unreadable(text: str, error: ValueError) -> ValueError:
    return ValueError(f"{text!r} cannot be read as a template: {error}")


KOREAN = PromptTemplate(
    with_hints=(
        "이미지 분류 모델의 예측: {hints}. 예측은 틀릴 수 있습니다. "
        "이 사진 속 자동차의 정확한 모델명은 무엇입니까?"
    ),
    without_hints="이 사진 속 자동차의 정확한 모델명은 무엇입니까?",
)
ENGLISH = PromptTemplate(
    with_hints=(
        "Predictions of an image classifier: {hints}. They may be wrong. "
        "What is the exact model name of the car in this photo?"
    ),
    without_hints="What is the exact model name of the car in this photo?",
)
