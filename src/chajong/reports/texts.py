"""What the reports say, in Korean and in English."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.ensembling.leaderboard import ENSEMBLE
from chajong.texts import filled

if TYPE_CHECKING:
    from chajong.texts import Language, Texts

SECTIONS: Texts = {
    "report": {"ko": "결과와 오류", "en": "Results and errors"},
    "steps": {"ko": "단계별 개선", "en": "Gain per step"},
    "steps_reading": {
        "ko": "막대는 단계를 적용하기 전과 후의 로그 손실을 잇습니다. 초록색이면 나아진 단계이고, "
        "가는 선은 같은 사진에서 측정한 개선 폭의 95% 신뢰구간입니다.",
        "en": "Each bar runs from the log loss before a step to the one after it, and is green "
        "where the step gains. The whisker is the 95% interval of that gain on the same photos.",
    },
    "leaderboard": {"ko": "순위표", "en": "Leaderboard"},
    "leaderboard_reading": {
        "ko": "모든 수치는 해당 모델이 학습하지 않은 사진으로 측정했습니다(OOF, out-of-fold). 수치 "
        "아래는 95% 신뢰구간이며, 이 구간보다 작은 차이는 우연일 수 있습니다.",
        "en": "All figures are out of fold: they come from photos that the model was not trained "
        "on. Below each figure is its 95% interval; smaller differences may be chance.",
    },
    "approaches": {"ko": "접근법 비교", "en": "Approaches"},
    "approaches_reading": {
        "ko": "점이 아래에 있을수록 정확하고, 왼쪽에 있을수록 시간이 적게 듭니다. 색이 같은 모델은 "
        "접근법이 같습니다.",
        "en": "Lower points give better answers; points further left take less time. Members of "
        "one colour use the same approach.",
    },
    "reliability": {"ko": "확률의 신뢰도", "en": "Reliability"},
    "reliability_reading": {
        "ko": "점이 점선 위에 있으면 예측한 확률만큼 실제로 맞혔다는 뜻입니다. 점선보다 아래면 "
        "과신한 것입니다. 세로선은 95% 신뢰구간입니다.",
        "en": "On the dotted line, answers are right exactly as often as stated. Points below it "
        "are overconfident. Whiskers are 95% intervals.",
    },
    "class_losses": {"ko": "손실이 큰 차종", "en": "Classes with the largest loss"},
    "class_losses_reading": {
        "ko": "막대가 주황색 표시를 넘으면 사진 수에 비해 손실이 큰 차종입니다. 이런 차종부터 "
        "개선하세요.",
        "en": "If a bar reaches beyond its orange mark, the class costs more than its number of "
        "photos explains. Work on these classes first.",
    },
    "partial_correctness": {"ko": "부분 정답", "en": "Partial correctness"},
    "partial_correctness_reading": {
        "ko": "오답을 차종 이름에서 처음으로 틀린 부분에 따라 나눴습니다. 제조사부터 연식까지 "
        "차례로 비교하며, 옅은 막대는 모델명이 같은 차종끼리 혼동한 경우입니다.",
        "en": "A wrong answer is counted by the first part of the name that it gets wrong, from "
        "the maker down to the years. Light bars are look-alikes of one model line.",
    },
    "confusion_matrix": {"ko": "혼동 행렬", "en": "Confusion matrix"},
    "confusion_matrix_reading": {
        "ko": "행은 라벨, 열은 예측한 차종이며 열 번호는 행 이름 앞의 번호와 같습니다. 칸의 숫자는 "
        "사진 수이고, 그 행에서 차지하는 비율이 높을수록 색이 짙습니다. 전체 차종은 "
        "confusion_matrix.csv에 있습니다.",
        "en": "Rows are labels and columns are answers, numbered like the rows. A cell counts "
        "photos; the larger their share of the row, the darker it is. All classes are in "
        "confusion_matrix.csv.",
    },
    "confused_pairs": {"ko": "헷갈리는 차종", "en": "Confused pairs"},
    "confused_pairs_reading": {
        "ko": "두 차종을 나란히 놓고, 각 차종에서 앙상블이 상대 차종일 확률을 가장 높게 예측한 "
        "사진을 보여 줍니다. 사람 눈에도 구별되지 않으면 라벨을 확인하세요.",
        "en": "Each box shows two classes side by side, with the photos of each that the ensemble "
        "finds most like the other. If you cannot tell them apart either, check the labels.",
    },
    "confused_pairs_none": {
        "ko": "다른 차종으로 잘못 예측한 사진이 없습니다.",
        "en": "No photo is taken for another class.",
    },
    "hardest": {"ko": "가장 어려운 사진", "en": "Hardest photos"},
    "hardest_reading": {
        "ko": "손실이 가장 큰 사진입니다. 모든 모델이 라벨과 다른 한 차종으로 예측했다면 라벨이 "
        "틀렸을 수 있고, 모델마다 예측이 다르면 사진 자체가 어려운 것입니다.",
        "en": "The photos with the highest loss. If all members agree on another class, the label "
        "may be wrong; if they disagree, the photo is hard.",
    },
    "risk_coverage": {"ko": "응답률과 오답률", "en": "Coverage against risk"},
    "risk_coverage_reading": {
        "ko": "오른쪽에서 왼쪽으로 읽으세요. 확신도가 낮은 사진을 사람에게 더 많이 넘길수록 나머지 "
        "예측의 오답률이 낮아집니다. 파선은 오답률을 {risk:.0%} 미만으로 보장할 수 있는 "
        "지점입니다.",
        "en": "Read from right to left: the more of the least confident photos are left to a "
        "person, the fewer of the remaining answers are wrong. The dashed line marks where wrong "
        "answers stay under {risk:.0%}, if that can be guaranteed.",
    },
    "unknown_photos": {"ko": "목록에 없는 차종", "en": "Cars of no known class"},
    "unknown_photos_reading": {
        "ko": "점수는 1에서 가장 높은 확률을 뺀 값입니다(Hendrycks and Gimpel, 2017). 아래 테스트 "
        "사진은 목록에 없는 차종이거나 자동차가 아닐 수 있습니다.",
        "en": "The score is 1 minus the highest probability (Hendrycks and Gimpel, 2017). These "
        "test photos may show a car of no known class, or no car at all.",
    },
    "unknown_photos_none": {"ko": "테스트 사진이 없습니다.", "en": "There are no test photos."},
    "known_cars": {"ko": "학습하지 않은 차종 판별", "en": "Not a known car"},
    "known_cars_reading": {
        "ko": "색인된 사진과의 거리가 모두 파선을 넘으면 웹 페이지는 학습하지 않은 차종이라고 "
        "답합니다. '임시로 제외한 차종'은 해당 차종을 색인에서 빼고 측정한 거리이며, 두 비율의 "
        "기준값은 모두 다른 차종으로 정했습니다.",
        "en": "The page refuses a photo that is farther from every known photo than the dashed "
        "line. Held-back classes are measured as if they were not known. Both shares use limits "
        "that were fitted on other classes.",
    },
    "shift": {"ko": "학습 사진과 테스트 사진", "en": "Train against test"},
    "shift_reading": {
        "ko": "같은 예측을 여러 방법으로 측정한 값입니다. 값의 차이가 클수록 기본 방법으로 측정한 "
        "값으로는 테스트 성능을 가늠하기 어렵습니다. 앙상블 가중치 기준: {fitting} ({reason}).",
        "en": "The same answers, measured in several ways. The further apart the figures, the less "
        "the plain one says about the test photos. The pool's fitting is {fitting}: {reason}.",
    },
    "heat_maps": {"ko": "어려운 사진에서 모델이 본 곳", "en": "Where the model looks"},
    "heat_maps_reading": {
        "ko": "{member} 모델의 손실이 가장 큰 사진을, 그 사진으로 학습하지 않은 폴드의 모델이 "
        "다시 본 것입니다. 사진마다 정답 차종과 모델이 답한 차종을 나란히 보여 줍니다. 붉은 "
        "곳일수록 그 차종의 확률을 높인 부분입니다(Grad-CAM). 차가 아니라 배경이 붉다면 차종과 "
        "상관없는 것을 학습한 것입니다.",
        "en": "The photos with the highest loss of {member}, each seen by the model that did not "
        "train on it: once for its label, once for the answer. The redder a place, the more it "
        "raises the class's probability (Grad-CAM). A red background means that the model has "
        "learned what has nothing to do with the car.",
    },
    "learning_curves": {"ko": "학습 곡선", "en": "Learning curves"},
    "learning_curves_reading": {
        "ko": "선 하나가 폴드 하나입니다. 끝까지 내려가는 선은 더 학습할 여지가 있다는 뜻이고, "
        "선 사이가 벌어져 있으면 폴드마다 난도가 다르다는 뜻입니다.",
        "en": "One line per fold. A line that still falls at its end would gain from more "
        "training; lines that lie apart mean that the folds differ.",
    },
    "skipped": {"ko": "제외된 항목", "en": "What was skipped"},
    "skipped_reading": {
        "ko": "위 수치에 들어가지 않은 항목과 그 이유입니다.",
        "en": "What is left out of the figures above, and why.",
    },
    "skipped_none": {"ko": "제외된 항목이 없습니다.", "en": "Nothing was left out."},
}
"""Headings of the report, and how what stands under them is read."""

COLUMNS: Texts = {
    "accuracy": {"ko": "정확도", "en": "accuracy"},
    "answer": {"ko": "답", "en": "answer"},
    "answer_from": {"ko": "최소 확신도", "en": "lowest confidence"},
    "approach": {"ko": "접근법", "en": "approach"},
    "at_most": {"ko": "상한 (95% 신뢰)", "en": "at most (95% certain)"},
    "calibration_error": {"ko": "보정 오차", "en": "calibration error"},
    "class": {"ko": "차종", "en": "class"},
    "confidence": {"ko": "확신도", "en": "confidence"},
    "coverage": {"ko": "응답률", "en": "photos answered"},
    "cumulative_share": {"ko": "누적", "en": "cumulative"},
    "ensemble_gain": {"ko": "앙상블의 개선 폭", "en": "ensemble's gain"},
    "f1": {"ko": "F1", "en": "F1"},
    "first_guess": {"ko": "1순위 예측", "en": "first guess"},
    "gain": {"ko": "개선 폭", "en": "gain"},
    "label": {"ko": "라벨의 확률", "en": "label's probability"},
    "log_loss": {"ko": "로그 손실", "en": "log loss"},
    "loss_share": {"ko": "손실 비중", "en": "share of the loss"},
    "mean_confidence": {"ko": "평균 확신도", "en": "mean confidence"},
    "mean_probability": {"ko": "평균 확률", "en": "mean probability"},
    "mean_probability_back": {"ko": "반대 방향 평균 확률", "en": "mean probability, other way"},
    "member": {"ko": "모델", "en": "member"},
    "memory": {"ko": "메모리 (MB)", "en": "memory (MB)"},
    "of_them_wrong": {"ko": "그중 오답", "en": "of them wrong"},
    "other_way": {"ko": "반대 방향", "en": "the other way"},
    "photos": {"ko": "사진", "en": "photos"},
    "photos_of": {"ko": "사진 종류", "en": "kind of photos"},
    "photos_per_second": {"ko": "초당 사진 수", "en": "photos/s"},
    "precision": {"ko": "정밀도", "en": "precision"},
    "recall": {"ko": "재현율", "en": "recall"},
    "refused": {"ko": "미학습 차종 판정", "en": "refused"},
    "right": {"ko": "정답 비율", "en": "right"},
    "seconds": {"ko": "시간 (초)", "en": "seconds"},
    "share": {"ko": "전체 중 비율", "en": "share of all"},
    "share_of_wrong": {"ko": "오답 중 비율", "en": "share of wrong"},
    "status": {"ko": "상태", "en": "status"},
    "step": {"ko": "단계", "en": "step"},
    "taken_for": {"ko": "잘못 예측한 차종", "en": "taken for"},
    "top_5": {"ko": "상위 5개 정확도", "en": "top 5"},
    "wanted_risk": {"ko": "목표 오답률", "en": "target: wrong answers under"},
}
"""Headings of columns."""

PARTS: Texts = {
    "interval": {"ko": "{low}~{high}", "en": "{low} to {high}"},
    "no_picture": {"ko": "사진 없음", "en": "no picture"},
    "needs_javascript": {
        "ko": "이 차트를 보려면 JavaScript가 필요합니다.",
        "en": "This chart needs JavaScript.",
    },
    "approaches_folded": {"ko": "접근법별 수치", "en": "Figures by approach"},
    "reliability_folded": {"ko": "앙상블의 구간별 수치", "en": "The ensemble's bins"},
    "class_losses_folded": {"ko": "이 차종들의 수치", "en": "These classes in figures"},
    "class_figures_folded": {
        "ko": "모든 차종의 정밀도, 재현율, F1 (F1이 낮은 순)",
        "en": "Precision, recall and F1 of every class, the lowest F1 first",
    },
    "pairs_folded": {"ko": "전체 수치", "en": "All counts"},
    "taken_for_the_other": {
        "ko": "{of:,}장 중 {confused:,}장을 상대 차종으로 예측했습니다",
        "en": "{confused:,} of {of:,} photos taken for the other",
    },
    "the_other": {"ko": "상대 차종 {share:.0%}", "en": "{share:.0%} the other"},
    "heat_map_of_label": {"ko": "정답, 확률 {share:.1%}", "en": "label, given {share:.1%}"},
    "heat_map_of_guess": {"ko": "모델의 답, 확률 {share:.1%}", "en": "answer, given {share:.1%}"},
    "loss_of_photo": {"ko": "로그 손실 {loss:.2f}", "en": "log loss {loss:.2f}"},
    "no_promise": {
        "ko": "확신도를 어떻게 정해도 오답률을 {risks} 미만으로 보장할 수 없습니다.",
        "en": "No confidence is high enough to promise under {risks} wrong answers.",
    },
    "score": {"ko": "점수 {score:.2f}", "en": "score {score:.2f}"},
    "entropy": {"ko": "엔트로피 최댓값의 {share:.0%}", "en": "entropy {share:.0%} of the highest"},
    "guessed": {"ko": "1순위 예측", "en": "first guess"},
    "measured": {"ko": "가중치: {fitting}, 평가: {counted}", "en": "{fitting} fitting, {counted}"},
    "headline_log_loss": {
        "ko": "로그 손실 ({low:.4f}~{high:.4f})",
        "en": "log loss ({low:.4f} to {high:.4f})",
    },
    "headline_accuracy": {"ko": "정답률", "en": "of the answers are right"},
    "headline_top_5": {
        "ko": "상위 5개 안에 정답이 있는 비율",
        "en": "have the label among the top 5",
    },
    "headline_photos": {
        "ko": "사진 수 (차종 {classes:,}개)",
        "en": "photos of {classes:,} classes",
    },
    "headline_gain": {
        "ko": "가장 좋은 모델({member}) 대비 로그 손실 개선 폭 ({low:.4f}~{high:.4f})",
        "en": "log loss gained over {member}, the best member ({low:.4f} to {high:.4f})",
    },
}
"""What stands beside figures and photos."""

CHARTS: Texts = {
    "log_loss_axis": {"ko": "로그 손실 (낮을수록 좋음)", "en": "log loss (lower is better)"},
    "photo_share_axis": {"ko": "사진 비율", "en": "share of photos"},
    "steps_title": {
        "ko": "단계를 거쳐 {first:.4f}에서 {last:.4f}로",
        "en": "From {first:.4f} to {last:.4f}, step by step",
    },
    "steps_hover": {
        "ko": "로그 손실 %{x:.4f} (%{customdata[0]:.4f}~%{customdata[1]:.4f})<br>개선 폭 "
        "%{customdata[2]:.4f} (%{customdata[3]:.4f}~%{customdata[4]:.4f})<extra></extra>",
        "en": "log loss %{x:.4f} (%{customdata[0]:.4f} to %{customdata[1]:.4f})<br>gain "
        "%{customdata[2]:.4f} (%{customdata[3]:.4f} to %{customdata[4]:.4f})<extra></extra>",
    },
    "approaches_title": {
        "ko": "모델별 비용과 성능",
        "en": "What the members cost and what they give",
    },
    "approaches_ensemble": {"ko": "앙상블 {loss:.4f}", "en": "ensemble {loss:.4f}"},
    "approaches_axis": {
        "ko": "학습과 예측에 걸린 시간 (초)",
        "en": "seconds of training and prediction",
    },
    "approaches_hover": {
        "ko": "%{text}: %{y:.4f}<br>정확도 %{customdata[0]:.1%}<br>%{x:,.0f}초, "
        "초당 %{customdata[1]:,.0f}장, %{customdata[2]:,.0f} MB",
        "en": "%{text}: %{y:.4f}<br>accuracy %{customdata[0]:.1%}<br>%{x:,.0f} s, "
        "%{customdata[1]:,.0f} photos/s, %{customdata[2]:,.0f} MB",
    },
    "reliability_title": {
        "ko": "{member}: 예측 확률과 실제 정답률의 차이는 평균 {error:.1%}",
        "en": "{member}: stated confidence is off by {error:.1%} on average",
    },
    "reliability_confidence": {"ko": "예측 확신도", "en": "confidence in the answer"},
    "reliability_right": {"ko": "정답 비율", "en": "share of right answers"},
    "reliability_member": {
        "ko": "{member}, 보정 오차 {error:.3f}",
        "en": "{member}, calibration error {error:.3f}",
    },
    "reliability_hover": {
        "ko": "확신도 %{x:.1%}에서 정답 %{y:.1%} (%{customdata[1]:.1%}~%{customdata[2]:.1%})<br>"
        "사진 %{customdata[0]:,}장",
        "en": "%{y:.1%} right (%{customdata[1]:.1%} to %{customdata[2]:.1%}) at confidence "
        "%{x:.1%}<br>%{customdata[0]:,} photos",
    },
    "reliability_photos": {"ko": "사진 %{y:,}장", "en": "%{y:,} photos"},
    "class_losses_title": {
        "ko": "전체 로그 손실의 절반이 차종 {count:,}개 중 {half:,}개에서 나옵니다",
        "en": "Half of the log loss comes from {half:,} of {count:,} classes",
    },
    "class_losses_loss": {"ko": "로그 손실 비중", "en": "share of the log loss"},
    "class_losses_photos": {"ko": "사진 비중", "en": "share of the photos"},
    "class_losses_hover": {
        "ko": "손실의 %{x:.1%}, 여기까지 누적 %{customdata[3]:.1%}<br>로그 손실 "
        "%{customdata[0]:.3f}, 사진 %{customdata[2]:,}장 중 %{customdata[1]:.0%} 정답"
        "<extra></extra>",
        "en": "%{x:.1%} of the loss, %{customdata[3]:.1%} down to here<br>log loss "
        "%{customdata[0]:.3f}, %{customdata[1]:.0%} of %{customdata[2]:,} photos right"
        "<extra></extra>",
    },
    "class_losses_photos_hover": {
        "ko": "사진의 %{x:.1%}<extra></extra>",
        "en": "%{x:.1%} of the photos<extra></extra>",
    },
    "confusion_matrix_title": {
        "ko": "오답 {all:,}건 중 {shown:,}건이 이 표에 있습니다",
        "en": "{shown:,} of {all:,} wrong answers are in this block",
    },
    "confusion_matrix_hover": {
        "ko": "%{customdata[0]}<br>예측: %{customdata[1]}, 사진 %{text}장, %{z:.0%}<extra></extra>",
        "en": "%{customdata[0]}<br>answered as %{customdata[1]}: %{text} photos, %{z:.0%}"
        "<extra></extra>",
    },
    "partial_correctness_title": {
        "ko": "오답의 {share:.0%}는 모델명까지는 맞혔습니다",
        "en": "{share:.0%} of the wrong answers name the right model line",
    },
    "partial_correctness_axis": {"ko": "오답 중 비율", "en": "share of wrong answers"},
    "partial_correctness_hover": {
        "ko": "사진 %{customdata[0]:,}장, 로그 손실의 %{customdata[1]:.1%}<extra></extra>",
        "en": "%{customdata[0]:,} photos, %{customdata[1]:.1%} of the log loss<extra></extra>",
    },
    "risk_coverage_title": {
        "ko": "전체 예측의 오답률은 {risk:.1%}, 응답률 전 구간의 평균(AURC)은 {area:.3f}",
        "en": "{risk:.1%} of all answers are wrong; the mean over all coverages (AURC) is "
        "{area:.3f}",
    },
    "risk_coverage_axis": {
        "ko": "응답률 (사람에게 넘기지 않은 사진의 비율)",
        "en": "share of photos answered",
    },
    "risk_coverage_wrong": {"ko": "오답률", "en": "wrong answers"},
    "risk_coverage_loss": {"ko": "로그 손실", "en": "log loss"},
    "risk_coverage_hover": {
        "ko": "확신도가 높은 순으로 %{{customdata[1]:,}}장에서 %{{y:{form}}}<br>"
        "확신도 %{{customdata[0]:.1%}} 이상<extra></extra>",
        "en": "%{{y:{form}}} of the %{{customdata[1]:,}} most confident photos<br>"
        "confidence from %{{customdata[0]:.1%}}<extra></extra>",
    },
    "unknown_photos_title": {
        "ko": "점수 중앙값: 테스트 사진 {test:.2f}, 학습 사진 {train:.2f}",
        "en": "The median score is {test:.2f} on test photos and {train:.2f} on train photos",
    },
    "unknown_photos_axis": {"ko": "1 − 가장 높은 확률", "en": "1 minus the highest probability"},
    "unknown_photos_train": {"ko": "학습 사진", "en": "train photos"},
    "unknown_photos_test": {"ko": "테스트 사진", "en": "test photos"},
    "unknown_photos_hover": {
        "ko": "사진의 %{y:.1%}<extra></extra>",
        "en": "%{y:.1%} of the photos<extra></extra>",
    },
    "known_cars_title": {
        "ko": "학습한 차종의 {known:.1%}, 임시로 제외한 차종의 {held_back:.1%}를 미학습 "
        "차종으로 판정",
        "en": "{known:.1%} of known cars and {held_back:.1%} of held-back classes are refused",
    },
    "known_cars_axis": {
        "ko": "가장 가까운 색인 사진과의 코사인 거리",
        "en": "cosine distance to the nearest known photo",
    },
    "learning_curves_title": {
        "ko": "학습 중 손실 (선 하나가 폴드 하나)",
        "en": "Loss during training, one line per fold",
    },
    "learning_curves_training_loss": {"ko": "학습 손실", "en": "training loss"},
    "learning_curves_inner_loss": {
        "ko": "검증용으로 떼어 둔 사진의 손실",
        "en": "loss on photos held back",
    },
    "learning_curves_epoch": {"ko": "에폭", "en": "epoch"},
    "learning_curves_hover": {
        "ko": "에폭 %{x:.1f}: %{y:.3f}",
        "en": "epoch %{x:.1f}: %{y:.3f}",
    },
}
"""Titles, axes and what hovering tells."""

AUDIT: Texts = {
    "audit": {"ko": "사진 점검", "en": "Photo audit"},
    "unreadable title": {"ko": "읽을 수 없는 사진", "en": "Unreadable photos"},
    "unreadable explained": {
        "ko": "이미지로 열 수 없는 파일입니다.",
        "en": "Files that could not be turned into a picture.",
    },
    "missing title": {"ko": "없는 사진", "en": "Missing photos"},
    "missing explained": {
        "ko": "표에는 있지만 파일이 없는 사진입니다.",
        "en": "Photos that a table names and that do not exist.",
    },
    "left out title": {"ko": "쓰지 않은 파일", "en": "Left out"},
    "left out explained": {
        "ko": "폴더에 있지만 쓰지 않은 파일을 종류별로 셌습니다.",
        "en": "Files in the folder that are not used, counted by kind.",
    },
    "conflict title": {"ko": "모순되는 라벨", "en": "Conflicting labels"},
    "conflict explained": {
        "ko": "같은 파일에 서로 다른 라벨이 붙어 있습니다. 적어도 하나는 틀렸습니다.",
        "en": "The same file under two labels: at least one of them is wrong.",
    },
    "near-duplicate across classes title": {
        "ko": "차종이 다른데 거의 같은 사진",
        "en": "Near-duplicates across classes",
    },
    "near-duplicate across classes explained": {
        "ko": "똑같아 보이는 사진인데 라벨이 서로 다릅니다.",
        "en": "Photos that look the same under two labels.",
    },
    "empty class title": {"ko": "빈 차종", "en": "Empty classes"},
    "empty class explained": {
        "ko": "읽을 수 있는 학습 사진이 하나도 없는 차종입니다.",
        "en": "Classes of the submission without a readable train photo.",
    },
    "few photos title": {"ko": "사진이 적은 차종", "en": "Classes with few photos"},
    "few photos explained": {
        "ko": "사진이 폴드 수보다 적은 차종입니다.",
        "en": "Classes with fewer photos than there are folds.",
    },
    "warning title": {"ko": "주의", "en": "Warnings"},
    "warning explained": {
        "ko": "폴더를 어떻게 해석했는지, 어떤 점이 이상해 보이는지 알려 줍니다.",
        "en": "How the folder was understood, and what looks wrong.",
    },
    "reviewed title": {"ko": "검토한 사진", "en": "Reviewed photos"},
    "reviewed explained": {
        "ko": "사람이 라벨을 검토한 사진입니다.",
        "en": "Photos that a person gave a verdict on.",
    },
    "near-duplicate title": {"ko": "거의 같은 사진", "en": "Near-duplicates"},
    "near-duplicate explained": {
        "ko": "한 차종 안에서 똑같아 보이는 사진입니다. 모두 같은 폴드에 넣습니다.",
        "en": "Photos of one class that look the same; they stay in one fold.",
    },
    "tiny photo title": {"ko": "아주 작은 사진", "en": "Tiny photos"},
    "tiny photo explained": {
        "ko": "짧은 변이 매우 짧은 사진입니다.",
        "en": "Photos with a very short side.",
    },
    "grey photo title": {"ko": "흑백 사진", "en": "Grey photos"},
    "grey photo explained": {"ko": "색이 없는 사진입니다.", "en": "Photos without colour."},
    "audit_more": {
        "ko": "{count:,}건은 점검 표(audit.csv)에 더 있습니다.",
        "en": "{count:,} more are in the audit table.",
    },
    "audit_shift": {
        "ko": "읽을 수 있는 사진의 중앙값입니다. 이 수치만으로 학습 사진과 테스트 사진을 구별하는 "
        "분류기의 AUC는 {auc:.3f}입니다. 0.5면 구별하지 못한다는 뜻입니다.",
        "en": "Medians of the readable photos. A classifier that sees only these numbers tells "
        "the two apart with an AUC of {auc:.3f}; 0.5 means that it cannot.",
    },
    "train": {"ko": "학습", "en": "train"},
    "test": {"ko": "테스트", "en": "test"},
    "train_photos": {"ko": "학습 사진", "en": "train photos"},
    "test_photos": {"ko": "테스트 사진", "en": "test photos"},
    "classes": {"ko": "차종", "en": "classes"},
    "unreadable_photos": {"ko": "읽을 수 없거나 없는 사진", "en": "unreadable or missing"},
    "conflicting_photos": {"ko": "라벨이 모순되는 사진", "en": "conflicting photos"},
    "near_duplicate_groups": {"ko": "거의 같은 사진 묶음", "en": "near-duplicate groups"},
    "auc": {"ko": "AUC (학습과 테스트 구별)", "en": "AUC, train against test"},
}
"""The audit: what stands over the findings of each kind, and what they are."""

DOUBTFUL: Texts = {
    "doubtful": {"ko": "의심스러운 라벨", "en": "Doubtful labels"},
    "doubtful_reading": {
        "ko": "가장 의심스러운 라벨부터 보여 줍니다. 판정을 {file}에 photo_id,verdict,new_label "
        "형식으로 적으세요. verdict는 keep(유지), drop(제외), relabel(new_label로 변경), not a "
        "car(자동차 아님) 가운데 하나입니다. doubtful_labels.csv의 행을 그대로 붙여 넣어도 "
        "됩니다. 다음 실행부터 반영되며, 검토한 사진은 이 페이지에서 빠집니다.",
        "en": "The most doubtful label comes first. Write what you decide into {file} as "
        "photo_id,verdict,new_label: keep, drop, relabel (with the new label) or not a car. Rows "
        "of doubtful_labels.csv can be pasted as they are. The next run honours the file, and "
        "leaves reviewed photos out of this page.",
    },
    "doubtful_photos": {"ko": "살펴볼 사진", "en": "To look at"},
    "doubtful_given": {"ko": "현재 라벨", "en": "given"},
    "doubtful_suggested": {"ko": "제안", "en": "suggested"},
    "doubtful same file": {
        "ko": "같은 파일이 다른 차종에도 있어 둘 중 하나는 틀렸습니다",
        "en": "same file as a photo of another class, so one of the two is wrong",
    },
    "doubtful near-duplicate": {
        "ko": "거의 같은 사진이 다른 차종에도 있어 둘 중 하나는 틀렸습니다",
        "en": "near-duplicate of a photo of another class, so one of the two is wrong",
    },
    "doubtful_score": {
        "ko": "틀렸을 확률 {score:.1%}",
        "en": "wrong with probability {score:.1%}",
    },
    "doubtful_issue": {
        "ko": "confident learning에서도 의심 라벨로 판정",
        "en": "confident learning doubts it too",
    },
    "doubtful_neighbours": {
        "ko": "비슷한 사진의 {share:.0%}가 같은 라벨",
        "en": "{share:.0%} of its neighbours have its label",
    },
    "doubtful_car": {
        "ko": "자동차 외관 사진일 확률 {share:.0%}",
        "en": "shows a car from outside with probability {share:.0%}",
    },
    "doubtful_count": {"ko": "검사한 사진", "en": "photos checked"},
    "doubtful_wrong": {
        "ko": "맞을 확률보다 틀릴 확률이 높은 라벨",
        "en": "labels more likely wrong than right",
    },
    "doubtful_conflicts": {"ko": "라벨이 두 개인 사진", "en": "pictures under two labels"},
    "doubtful_no_cars": {
        "ko": "자동차 외관 사진이 아닌 듯한 사진",
        "en": "probably not a car from outside",
    },
}
"""The page of doubtful labels."""

FOLDS: Texts = {
    "folds_unknown": {
        "ko": "함께 묶은 사진이 없습니다. 폴드가 새 사진만큼 어려운지는 알 수 없습니다: {reason}",
        "en": "no photos are joined, and whether folds are as hard as new photos is not known: "
        "{reason}",
    },
    "folds_found": {
        "ko": "가장 가까운 학습 사진까지의 거리는 OOF 사진이 {plain:.2f}, {called} 사진이 "
        "{new:.2f} (중앙값, {encoder} 특징 기준)",
        "en": "the nearest training photo is {plain:.2f} away for a held-out photo, and {new:.2f} "
        "for a {called} photo (medians, features of {encoder})",
    },
    "folds_plain": {
        "ko": "{found}: 함께 묶은 사진 없음 (이 특징에 선형 판별 분석을 쓴 OOF 손실 {plain:.3f})",
        "en": "{found}: no photos are joined ({plain:.3f} out of fold by a linear discriminant on "
        "these features)",
    },
    "folds_matched": {
        "ko": "{found}: 그대로 나누면 OOF 손실이 {plain:.3f}이지만, 거리가 {distance:.2f}가 되도록 "
        "맞춘 폴드에서는 {matched:.3f} (둘 다 이 특징에 선형 판별 분석 사용, 같은 차종에서 거리 "
        "{threshold:g}까지 한 폴드로 묶음)",
        "en": "{found}: the plain out-of-fold loss would be {plain:.3f}; with matched folds, where "
        "it is {distance:.2f} away, the loss is {matched:.3f} (both by a linear discriminant on "
        "these features; photos of a class are joined up to {threshold:g})",
    },
    "folds_nearer": {
        "ko": "; OOF 사진이 여전히 더 가까우므로 {called} 사진에서는 손실이 더 클 것입니다",
        "en": "; held-out photos are still nearer, so expect more on {called} photos",
    },
}
"""Whether folds are as hard as new photos."""

TEXTS: Texts = {**SECTIONS, **COLUMNS, **PARTS, **CHARTS, **AUDIT, **DOUBTFUL, **FOLDS}

VALUES: Texts = {
    english: {"ko": korean, "en": english}
    for english, korean in {
        "ensemble": "앙상블",
        "known cars": "학습한 차종",
        "held-back classes": "임시로 제외한 차종",
        "frozen features": "고정 특징",
        "end to end": "엔드투엔드 학습",
        "fusion": "융합",
        "vision-language model": "비전-언어 모델",
        "others' tables": "외부 예측 표",
        "pooled": "앙상블에 포함",
        "the pool of all members": "모든 모델의 앙상블",
        "best member": "가장 좋은 모델",
        "equal weights": "균등 가중치",
        "chosen pool": "선택한 앙상블",
        "temperature": "온도 스케일링",
        "floor": "확률 하한",
        "family temperatures": "유사 차종별 온도 스케일링",
        "right": "정답",
        "model line right, years wrong": "모델명 정답, 연식 오답",
        "model line right, powertrain wrong": "모델명 정답, 파워트레인 오답",
        "model line right, facelift wrong": "모델명 정답, 페이스리프트 오답",
        "model line right, generation wrong": "모델명 정답, 세대 오답",
        "model line right, told apart by no part of the names": "모델명 정답, 이름으로 구별 안 됨",
        "maker right, model line wrong": "제조사 정답, 모델명 오답",
        "maker wrong": "제조사 오답",
        "model line wrong, maker unknown": "모델명 오답, 제조사 미상",
        "plain": "기본",
        "grouped": "묶음별",
        "test-like": "테스트와 비슷한 사진",
        "test": "테스트",
        "typical": "실제 사용",
        "not used": "쓰지 않음",
        "please check": "확인 필요",
        "left out of training": "학습에서 제외",
        "predicted by the class prior": "차종별 빈도로 예측",
        "used as it is": "그대로 사용",
        "some folds lack the class": "이 차종이 없는 폴드가 있음",
        "keeps its column in the submission": "제출 파일의 열은 유지",
        "its label counts": "라벨 반영",
        "its label does not count": "라벨 미반영",
        "kept in one fold; its label counts": "한 폴드에 넣음, 라벨 반영",
        "kept in one fold; its label does not count": "한 폴드에 넣음, 라벨 미반영",
        "Brightness (mean grey value)": "밝기 (회색조 평균)",
        "Contrast (standard deviation of grey)": "대비 (회색조 표준편차)",
        "Saturation (0 to 1)": "채도 (0~1)",
        "Size (log10 of pixels)": "크기 (픽셀 수의 log10)",
        "File size (log10 of bytes)": "파일 크기 (바이트의 log10)",
    }.items()
}
"""Words of tables that are not names."""


def text(name: str, language: Language, **values: object) -> str:
    """Give a text; see `chajong.texts.filled`.

    Args:
        name: One of `TEXTS`.
        language: The reader's.
        values: What is filled in.
    """
    return filled(TEXTS, name, language, **values)


def worded(value: str, language: Language) -> str:
    """Give a word of a table in a language; names and reasons in sentences stay as they are.

    Args:
        value: What the table says.
        language: The reader's.
    """
    head, colon, name = value.partition(": ")
    return filled(VALUES, head, language) + colon + name if head in VALUES else value


def called(member: str, language: Language) -> str:
    """Call a member by its name, and the ensemble by its word."""
    return worded(member, language) if member == ENSEMBLE else member
