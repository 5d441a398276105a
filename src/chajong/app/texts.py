"""What the page says, in Korean and in English."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.texts import filled

if TYPE_CHECKING:
    from chajong.texts import Language, Texts

TEXTS: Texts = {
    "title": {"ko": "차종 알아보기", "en": "Which car is this?"},
    "introduction": {
        "ko": "사진을 올리면 차종과 확률, 비슷한 사진을 보여 줍니다. 사진은 곧 지웁니다.",
        "en": "Give a photo: its model, how sure that is, and photos like it. It is soon deleted.",
    },
    "recognise": {"ko": "차종", "en": "Recognise"},
    "search": {"ko": "검색", "en": "Search"},
    "confusions": {"ko": "혼동", "en": "Confusions"},
    "photo": {"ko": "사진 (끌어다 놓거나 선택)", "en": "Photo (drop or choose)"},
    "words": {"ko": "찾을 말 (한국어 또는 영어)", "en": "Words (Korean or English)"},
    "no_words": {
        "ko": "이 색인은 말로 찾을 수 없습니다. 사진으로 찾으세요.",
        "en": "This index reads no words: search by photo.",
    },
    "photo_share": {
        "ko": "사진의 비중 (0은 말만, 1은 사진만)",
        "en": "Weight of the photo (0: words only, 1: photo only)",
    },
    "maker": {"ko": "제조사", "en": "Maker"},
    "model": {"ko": "차종", "en": "Model"},
    "first_year": {"ko": "이 해부터", "en": "From year"},
    "last_year": {"ko": "이 해까지", "en": "To year"},
    "count": {"ko": "사진 수", "en": "Photos"},
    "all": {"ko": "전체", "en": "all"},
    "find": {"ko": "찾기", "en": "Find"},
    "your_photo": {"ko": "올린 사진", "en": "Your photo"},
    "models": {"ko": "가능성이 높은 차종", "en": "Most probable models"},
    "calibrated": {
        "ko": "확률은 보정되어 있습니다. {percent}라고 답한 100장 가운데 약 {right}장이 맞습니다.",
        "en": "Calibrated: of 100 answers given {percent}, about {right} are right.",
    },
    "similar": {"ko": "비슷한 사진", "en": "Most similar known photos"},
    "distance": {"ko": "거리", "en": "distance"},
    "why": {"ko": "근거", "en": "Why"},
    "nearest_of": {
        "ko": "차종마다 가장 가까운 사진",
        "en": "The nearest known photo of each leading model",
    },
    "members": {"ko": "모델별 의견", "en": "Member by member"},
    "member": {"ko": "모델", "en": "Member"},
    "weight": {"ko": "비중", "en": "Weight"},
    "says": {"ko": "의견", "en": "Says"},
    "nothing_found": {"ko": "찾은 사진이 없습니다.", "en": "No photo was found."},
    "no_confusions": {"ko": "혼동이 없습니다.", "en": "There are no confusions."},
    "given": {"ko": "실제", "en": "Is"},
    "predicted": {"ko": "답", "en": "Was taken for"},
    "photos": {"ko": "사진", "en": "Photos"},
    "share": {"ko": "비율", "en": "Share"},
    "card": {"ko": "모델 카드", "en": "Model card"},
    "problem": {"ko": "처리하지 못했습니다: ", "en": "This did not work: "},
    "unreadable": {"ko": "사진을 읽을 수 없습니다: ", "en": "The photo cannot be read: "},
}
"""Every text by its name and language."""


def text(name: str, language: Language) -> str:
    """Give a text.

    Args:
        name: One of `TEXTS`.
        language: The reader's.
    """
    return filled(TEXTS, name, language)


def preferred_language(accepted: str) -> Language:
    """Choose a language by what a browser prefers.

    Args:
        accepted: The header `Accept-Language` (RFC 9110, section 12.5.4).
    """
    weighed = []
    for part in accepted.lower().split(","):
        tag, _, weight = part.strip().partition(";q=")
        weighed.append((-float(weight) if weight.replace(".", "", 1).isdigit() else -1.0, tag))
    for _, tag in sorted(weighed, key=lambda each: each[0]):
        if tag.startswith("ko"):
            return "ko"
        if tag.startswith("en"):
            return "en"
    return "en"
