"""What the summaries of runs say, in Korean and in English."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.ensembling.pooling import (
    NOT_CERTAIN,
    ON_SLICE,
    SLICE_TOO_SMALL,
    SMALLEST_SLICE,
)
from chajong.photos.texts import KOREAN
from chajong.texts import filled, translated

if TYPE_CHECKING:
    from chajong.texts import Language, Patterns, Texts

LABELS: Texts = {
    "photos": {"ko": "사진", "en": "photos"},
    "not used": {"ko": "쓰지 않음", "en": "not used"},
    "no photo": {"ko": "읽지 못함", "en": "no photo"},
    "warning": {"ko": "주의", "en": "warning"},
    "log loss": {"ko": "로그 손실", "en": "log loss"},
    "folds": {"ko": "폴드", "en": "folds"},
    "accuracy": {"ko": "정확도", "en": "accuracy"},
    "members": {"ko": "모델", "en": "members"},
    "pool": {"ko": "앙상블", "en": "pool"},
    "baseline": {"ko": "베이스라인", "en": "baseline"},
    "temperature": {"ko": "온도", "en": "temperature"},
    "skipped": {"ko": "제외", "en": "skipped"},
    "submission": {"ko": "제출 파일", "en": "submission"},
    "top k": {"ko": "상위 후보", "en": "top k"},
    "disk": {"ko": "디스크", "en": "disk"},
    "reports": {"ko": "보고서", "en": "reports"},
    "certainty": {"ko": "확신도", "en": "certainty"},
    "results": {"ko": "결과", "en": "results"},
    "index": {"ko": "색인", "en": "index"},
    "recall": {"ko": "재현율", "en": "recall"},
    "left out": {"ko": "빠진 모델", "en": "left out"},
    "log": {"ko": "로그", "en": "log"},
}
"""What stands before the lines."""

TEXTS: Texts = {
    **LABELS,
    "photo_counts": {
        "ko": "학습 {train:,}장, 테스트 {test:,}장 ({layout})",
        "en": "{train:,} train and {test:,} test ({layout})",
    },
    "losses": {
        "ko": "{log_loss:.4f} (사진 {photos:,}장의 OOF(out-of-fold) 예측, 균등 추측은 "
        "{uniform_log_loss:.4f}, 제출 파일의 열로 계산한 대회 지표는 {challenge_log_loss:.4f})",
        "en": "{log_loss:.4f} out of fold on {photos:,} photos (uniform guess "
        "{uniform_log_loss:.4f}; by the challenge's metric over the submission's columns "
        "{challenge_log_loss:.4f})",
    },
    "accuracies": {
        "ko": "{accuracy:.1%}, 상위 5개 안에 정답이 있는 비율 {top_5_accuracy:.1%}",
        "en": "{accuracy:.1%}, {top_5_accuracy:.1%} among the top 5",
    },
    "temperatures": {
        "ko": "{final:.3f} ({source}), OOF 예측 전체로는 {out_of_fold:.3f}",
        "en": "{final:.3f} from {source}, {out_of_fold:.3f} on out-of-fold rows",
    },
    ON_SLICE: {"ko": "보정용 사진 기준", "en": ON_SLICE},
    NOT_CERTAIN: {
        "ko": "더 나은 온도인지 확실하지 않아 OOF 예측 기준",
        "en": NOT_CERTAIN,
    },
    SLICE_TOO_SMALL: {
        "ko": f"라벨을 쓸 수 있는 보정용 사진이 {SMALLEST_SLICE}장 미만이라 OOF 예측 기준",
        "en": SLICE_TOO_SMALL,
    },
    "unreadable train": {
        "ko": "읽을 수 없는 학습 사진, 학습에서 제외",
        "en": "unreadable train photos, left out of training",
    },
    "unreadable test": {
        "ko": "읽을 수 없는 테스트 사진, 차종별 빈도로 예측",
        "en": "unreadable test photos, answered by how frequent classes are",
    },
    "missing train": {
        "ko": "파일이 없는 학습 사진, 학습에서 제외",
        "en": "missing train photos, left out of training",
    },
    "missing test": {
        "ko": "파일이 없는 테스트 사진, 차종별 빈도로 예측",
        "en": "missing test photos, answered by how frequent classes are",
    },
    "lost_classes": {
        "ko": "읽을 수 있는 사진이 없는 차종",
        "en": "classes without a readable photo",
    },
    "counted": {"ko": "{what} ({count:,}): {shown}", "en": "{what}, {count:,}: {shown}"},
    "more": {"ko": ", 나머지는 audit.csv 참조", "en": ", more in audit.csv"},
    "no_submission": {
        "ko": "없음 (테스트 사진이 없습니다)",
        "en": "none, because there are no test photos",
    },
    "submission_file": {
        "ko": "{path} ({rows:,}행 × 차종 {columns}개, 다시 읽어 검증함)",
        "en": "{path} ({rows:,} rows x {columns} classes, read back and valid)",
    },
    "better": {
        "ko": "사전 학습 없이 히스토그램 특징만 쓴 결과입니다. 더 정확한 결과를 얻으려면 "
        "네트워크에 연결한 뒤 kedro run --env cpu --params {places} 를 실행하세요 "
        "(허브에 연결되는지는 chajong doctor로 확인할 수 있습니다)",
        "en": "these answers come from histograms alone, without any pretrained model. For better "
        "ones, connect to a network and type: kedro run --env cpu --params {places} (`chajong "
        "doctor` says whether the hub can be reached)",
    },
    "answered": {
        "ko": "{count:,}건 예측, 그중 {bad:,}건은 읽지 못함",
        "en": "{count:,} answered, {bad:,} of them could not be read",
    },
    "sure": {
        "ko": "평균 {mean:.1%}, 1순위 예측도 이만큼 맞을 것으로 기대",
        "en": "{mean:.1%} on average: expect about as many first names to be right",
    },
    "answered_by_prior": {
        "ko": "{photo} ({reason}), 차종별 빈도로 예측",
        "en": "{photo} ({reason}): answered by how frequent classes are",
    },
    "more_bad": {
        "ko": "그 밖에 {count:,}건, status 열 참조",
        "en": "and {count:,} more: see `status`",
    },
    "indexed": {
        "ko": "{encoder} 특징으로 사진 {count:,}장",
        "en": "{count:,} photos by {encoder}",
    },
    "recalled": {
        "ko": "가장 가까운 사진이 같은 차종인 비율 {recall_at_1:.1%}, 다섯 장 안에 같은 차종이 "
        "있는 비율 {recall_at_5:.1%}, mAP {mean_average_precision:.3f}",
        "en": "{recall_at_1:.1%} of photos have one of their model nearest, {recall_at_5:.1%} "
        "among the nearest five; mean average precision {mean_average_precision:.3f}",
    },
    "disk_use": {
        "ko": "{results}에 {megabytes:,.0f} MB",
        "en": "{megabytes:,.0f} MB in {results}",
    },
}

REASONS: Patterns = {
    r"repeats (\S+) on every photo that it has, and adds nothing": (
        "모든 사진의 예측이 {0} 모델과 같아 더해도 달라지지 않습니다"
    ),
    r"has only (\d+) of the ([\d,]+) train photos with counted labels .+, and (\d+) are needed: "
    r"finish its folds": (
        "라벨을 쓰는 학습 사진 {1}장 중 {0}장만 예측했습니다(최소 {2}장). 나머지 폴드를 마저 "
        "실행하세요"
    ),
    r"made with other photos, classes, folds or labels than there are now: make it anew with "
    r"`(.+)`": "지금과 다른 사진, 차종, 폴드나 라벨로 만든 예측입니다. 다시 만드는 명령: {0}",
    r"has none of the ([\d,]+) test photos: finish its run": (
        "테스트 사진 {0}장의 예측이 하나도 없습니다. 실행을 끝까지 마치세요"
    ),
    r"has not run yet: `(.+)`": "아직 실행하지 않았습니다. 실행하는 명령: {0}",
    r"left out by ensembling\.leave_out": "ensembling.leave_out 설정에 따라 제외했습니다",
    r"how the test photos differ is not known": "테스트 사진이 어떻게 다른지 알 수 없음",
    r"train and test photos are hardly told apart \(AUC (.+)\)": (
        "학습 사진과 테스트 사진이 거의 구별되지 않음, AUC {0}"
    ),
    r"on test-like photos the gain is (\S+) to (\S+) \(AUC (\S+)\)": (
        "테스트와 비슷한 사진에서 개선 폭 {0}~{1}, AUC {2}"
    ),
    r"(on test-like photos .+), which is not certain": "{0}, 확실하지 않음",
    r"data_processing\.test_photos is off, and typical_photos names none": (
        "data_processing.test_photos가 꺼져 있고 typical_photos도 없습니다"
    ),
    r"fewer than (\d+) (test|typical) photos can be read": (
        "읽을 수 있는 {1} 사진이 {0}장 미만입니다"
    ),
    r"test": "테스트",
    r"typical": "실제 사용",
    **KOREAN,
}
"""Why something was left out or chosen, and what is said of photos and their folder."""


def text(name: str, language: Language, **values: object) -> str:
    """Give a text; see `chajong.texts.filled`.

    Args:
        name: One of `TEXTS`.
        language: The reader's.
        values: What is filled in.
    """
    return filled(TEXTS, name, language, **values)


def told(said: str, language: Language) -> str:
    """Tell in the reader's language what tables and logs say in English; see `translated`.

    Args:
        said: Of a member, a photo or the folder.
        language: The reader's.
    """
    return translated(said, language, REASONS)
