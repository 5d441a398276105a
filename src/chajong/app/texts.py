"""What the page says, in Korean and in English."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.photos.texts import READING
from chajong.texts import filled, translated

if TYPE_CHECKING:
    from chajong.texts import Language, Patterns, Texts

TEXTS: Texts = {
    "title": {"ko": "차종 인식", "en": "Which car is this?"},
    "introduction": {
        "ko": "자동차 사진을 올리면 차종과 판단 근거를 보여 드립니다. 올린 사진은 잠시 후 "
        "삭제됩니다.",
        "en": "Upload a photo of a car to see its model, and why. Photos are deleted soon "
        "afterwards.",
    },
    "recognise": {"ko": "인식", "en": "Recognise"},
    "search": {"ko": "검색", "en": "Search"},
    "confusions": {"ko": "헷갈리는 차종", "en": "Look-alikes"},
    "photo": {"ko": "같은 차를 찍은 사진", "en": "Photos of one car"},
    "search_photo": {"ko": "이 사진과 비슷한 사진 찾기", "en": "Find photos like this one"},
    "drop": {
        "ko": "사진을 끌어다 놓거나 눌러서 선택하세요",
        "en": "Drop here, or click to choose",
    },
    "examples": {"ko": "예시 사진으로 시험해 보기", "en": "Or try one of these"},
    "example": {"ko": "예시 사진", "en": "Example photo"},
    "recognising": {"ko": "차종을 인식하는 중입니다…", "en": "Looking at the photo…"},
    "searching": {"ko": "검색하는 중입니다…", "en": "Searching…"},
    "words": {"ko": "검색어", "en": "Words"},
    "words_hint": {
        "ko": "차종 이름이나 차량의 특징 (한국어, 영어)",
        "en": "A model's name, or how the car looks (Korean or English)",
    },
    "names_hint": {"ko": "차종 이름 (한국어, 영어)", "en": "A model's name (Korean or English)"},
    "photo_share": {
        "ko": "사진 반영 비율 (0: 검색어만, 1: 사진만)",
        "en": "Weight of the photo (0: words only, 1: photo only)",
    },
    "maker": {"ko": "제조사", "en": "Maker"},
    "model": {"ko": "차종", "en": "Model"},
    "first_year": {"ko": "연식 시작", "en": "From year"},
    "last_year": {"ko": "연식 끝", "en": "To year"},
    "count": {"ko": "결과 수", "en": "Results"},
    "all": {"ko": "전체", "en": "All"},
    "find": {"ko": "검색", "en": "Search"},
    "your_photo": {"ko": "올린 사진", "en": "Your photo"},
    "best": {"ko": "가장 유력한 차종", "en": "Most likely"},
    "of_photos": {
        "ko": "사진 {count}장을 함께 보고 답했습니다.",
        "en": "One answer from {count} photos.",
    },
    "calibrated": {
        "ko": "{percent}라고 답한 사진 100장 가운데 약 {right}장이 맞습니다.",
        "en": "Of 100 answers given with {percent}, about {right} are right.",
    },
    "unknown": {
        "ko": "학습한 차종이 아닌 것 같습니다",
        "en": "This does not look like a known car",
    },
    "unknown_why": {
        "ko": "가장 비슷한 사진과의 거리가 {distance}로, 기준값 {limit}보다 큽니다. "
        "차량 전체가 나온 다른 사진을 올려 보세요.",
        "en": "The nearest known photo is {distance} away, and known cars are within {limit}. "
        "Try another photo that shows the whole car.",
    },
    "similar": {"ko": "비슷한 사진", "en": "Similar photos"},
    "distance": {"ko": "거리", "en": "distance"},
    "nearest_of": {
        "ko": "후보 차종별로 가장 비슷한 사진",
        "en": "Most similar photo of each model",
    },
    "members": {"ko": "방식별 판단", "en": "What each method says"},
    "member": {"ko": "방식", "en": "Method"},
    "weight": {"ko": "반영 비율", "en": "Weight"},
    "says": {"ko": "판단", "en": "Answer"},
    "frozen": {"ko": "고정 특징 분류", "en": "Frozen features"},
    "concat": {"ko": "결합 특징 분류", "en": "Combined features"},
    "zero_shot": {"ko": "이름과 비교 (학습하지 않은 CLIP)", "en": "Names only (CLIP)"},
    "clip": {"ko": "이름과 비교 (미세 조정한 CLIP)", "en": "Fine-tuned CLIP"},
    "backbone": {"ko": "미세 조정한 이미지 모델", "en": "Fine-tuned image model"},
    "fusion": {"ko": "이미지와 이름 융합", "en": "Image and names together"},
    "vlm": {"ko": "비전-언어 모델", "en": "Vision-language model"},
    "nothing_found": {"ko": "조건에 맞는 사진이 없습니다.", "en": "No photo matches."},
    "no_confusions": {
        "ko": "다른 차종으로 잘못 본 사진이 없습니다.",
        "en": "No photo was taken for another model.",
    },
    "given": {"ko": "실제 차종", "en": "Actual model"},
    "predicted": {"ko": "잘못 본 차종", "en": "Taken for"},
    "confused": {"ko": "{of}장 중 {photos}장 ({share})", "en": "{photos} of {of} photos ({share})"},
    "card": {"ko": "모델 카드 (영문)", "en": "Model card"},
}
"""Every text by its name and language; kinds of members by their names."""

_REASONS_IN_KOREAN: Patterns = {
    r"The file has (\S+) MB; (\S+) MB are allowed\.": (
        "파일이 {0} MB입니다. {1} MB까지 올릴 수 있습니다."
    ),
    r"The file is gone: give it again\.": "올린 파일이 이미 삭제되었습니다. 다시 올려 주세요.",
    r"The photo cannot be read: (.+)\.": "사진을 읽을 수 없습니다: {0}.",
    **READING,
    r"This took longer than (\S+) seconds: try again later\.": (
        "처리하는 데 {0}초가 넘게 걸려 중단했습니다. 잠시 후 다시 시도해 주세요."
    ),
    r"Something went wrong here; tell the operator this number: (\w+)\.": (
        "서버에 문제가 생겼습니다. 운영자에게 이 번호를 알려 주세요: {0}"
    ),
    r"There are no known photos to search in\.": "검색할 사진이 없습니다.",
    r"Give words or a photo to search for\.": "검색어를 입력하거나 사진을 올려 주세요.",
    r"(.+) is no year: give four digits, such as 2015\.": (
        "연식을 읽을 수 없습니다: {0}. 2015처럼 네 자리 숫자로 입력해 주세요."
    ),
    r"The years (\d+) to (\d+) are the wrong way round: give the earlier first\.": (
        "연식 시작({0})이 연식 끝({1})보다 늦습니다."
    ),
    r"(\d+) characters are too many to search for: (\d+) at most\.": (
        "검색어가 {0}자입니다. {1}자까지 입력할 수 있습니다."
    ),
    r"The model reads none of these words: say it in another language\.": (
        "모델이 이해하지 못하는 검색어입니다. 다른 언어로 입력해 보세요."
    ),
    r"These words are too long for the model that reads them: use fewer\.": (
        "검색어가 너무 깁니다. 줄여서 입력해 주세요."
    ),
    r"No known photo fits (.+): name a model, or say how the car looks\.": (
        "{0}에 맞는 사진을 찾지 못했습니다. 차종 이름이나 차량의 특징을 입력해 보세요."
    ),
    r"No known model is called (.+)\.": "이름이 {0}인 차종을 찾지 못했습니다.",
    r"(\d+) photos are too many for one answer: (\d+) at most\.": (
        "사진이 {0}장입니다. 한 번에 {1}장까지 올릴 수 있습니다."
    ),
}
"""Why something was refused, by a pattern of the English that the whole package speaks."""


def text(name: str, language: Language) -> str:
    """Give a text.

    Args:
        name: One of `TEXTS`.
        language: The reader's.
    """
    return filled(TEXTS, name, language)


def reason_in(language: Language, reason: str) -> str:
    """Say in the reader's language why something was refused; see `translated`.

    Args:
        language: The reader's.
        reason: In English.
    """
    return translated(reason, language, _REASONS_IN_KOREAN)


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
