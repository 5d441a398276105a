from pathlib import Path
from types import SimpleNamespace
from unicodedata import east_asian_width

import numpy as np
import pandas as pd
import pytest

from chajong.ensembling.pooling import NOT_CERTAIN, ON_SLICE, SLICE_TOO_SMALL
from chajong.ensembling.summary import summary_text

RESULTS = Path("결과")
FOLDER = SimpleNamespace(
    root=Path("내 사진"),
    layout="labelled by 3 folders",
    left_out=("files in train/ that are no photos: 2 ('a', 'b').",),
    warnings=("an odd table.",),
)


@pytest.fixture
def report() -> dict[str, object]:
    return {
        "log_loss": 0.21087,
        "uniform_log_loss": 5.96871,
        "challenge_log_loss": 0.19998,
        "accuracy": 0.9376,
        "top_5_accuracy": 0.9951,
        "photos": 31234,
        "final_temperature": 0.8764,
        "temperature_source": "the calibration slice",
        "out_of_fold_temperature": 1.0123,
        "pool": {"method": "log_linear", "weights": {"dino": 0.3, "없음": 0.0, "나의_모델": 0.912}},
        "skipped": {"siglip": "its weights are not on this machine"},
    }


@pytest.fixture
def leaderboard() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "member": ["ensemble", "dino", "나의_모델", "siglip"],
            "log_loss": [0.21087, 0.25004, 0.31236, np.nan],
        }
    )


@pytest.fixture
def submission() -> pd.DataFrame:
    return pd.DataFrame({"ID": ["T0", "T1"], "쏘나타": 0.5, "아반떼": 0.25, "K5": 0.25})


def photos_with(unreadable: int) -> pd.DataFrame:
    """Lay out 1,200 train photos and two test photos, the first few unreadable."""
    return pd.DataFrame(
        {
            "photo_id": [f"차/{number}.jpg" for number in range(1202)],
            "class_name": ["차"] * 1200 + [None] * 2,
            "split": ["train"] * 1200 + ["test"] * 2,
            "status": ["unreadable"] * unreadable + ["ok"] * (1202 - unreadable),
            "reason": [f"잘림 {number}" for number in range(unreadable)]
            + [""] * (1202 - unreadable),
        }
    )


def lines_of(text: str, label: str) -> list[str]:
    """Give the texts that stand behind a label."""
    return [
        line.strip().removeprefix(label).strip()
        for line in text.splitlines()
        if line.strip().startswith(label)
    ]


def summary_of(report, leaderboard, photos, submission, language="en") -> str:
    return summary_text(
        report, leaderboard, photos, "as hard", submission, FOLDER, RESULTS, language
    )


@pytest.mark.parametrize("source", [ON_SLICE, NOT_CERTAIN, SLICE_TOO_SMALL])
@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_source_of_a_temperature_is_told(report, leaderboard, submission, source, language):
    report["temperature_source"] = source
    text = summary_of(report, leaderboard, photos_with(0), submission, language)
    assert (source in text) == (language == "en")


def test_the_summary_is_told_in_korean(report, leaderboard, submission):
    report["skipped"] = {"siglip": "has not run yet: `kedro run`"}
    text = summary_of(report, leaderboard, photos_with(1202), submission, "ko")
    assert lines_of(text, "사진") == ["학습 1,200장, 테스트 2장 (labelled by 3 folders)"]
    assert lines_of(text, "쓰지 않음") == ["train/에 있는, 사진이 아닌 파일: 2개('a', 'b')"]
    assert lines_of(text, "제외") == ["siglip: 아직 실행하지 않았습니다. 실행하는 명령: kedro run"]
    assert lines_of(text, "온도") == ["0.876 (보정용 사진 기준), OOF 예측 전체로는 1.012"]
    assert lines_of(text, "정확도") == ["93.8%, 상위 5개 안에 정답이 있는 비율 99.5%"]
    unreadable = lines_of(text, "읽지 못함")
    assert len(unreadable) == 3
    assert unreadable[0].endswith("차/2.jpg (잘림 2), 나머지는 audit.csv 참조")
    columns = {
        sum(1 + (east_asian_width(letter) in "WF") for letter in line[: line.index("  ", 3)])
        + len(line[line.index("  ", 3) :])
        - len(line[line.index("  ", 3) :].lstrip())
        for line in text.splitlines()
    }
    assert columns == {15}


def test_whether_folds_are_as_hard_as_new_photos_stands_below_the_loss(
    report, leaderboard, submission
):
    text = summary_of(report, leaderboard, photos_with(0), submission)
    assert lines_of(text, "folds") == ["as hard"]
    assert text.index("log loss") < text.index("folds  ") < text.index("accuracy")


def test_a_baseline_says_that_it_is_one_and_what_to_type(report, leaderboard, submission):
    given = report, leaderboard, photos_with(0), "as hard", submission, FOLDER, RESULTS
    assert not lines_of(summary_text(*given), "baseline")
    (line,) = lines_of(summary_text(*given, is_baseline=True), "baseline")
    assert "kedro run --env cpu --params 'raw_dir=내 사진,data_dir=결과'" in line


def test_the_losses_are_named_with_what_to_compare_them_with(report, leaderboard, submission):
    text = summary_of(report, leaderboard, photos_with(0), submission)
    (line,) = lines_of(text, "log loss")
    for part in ("0.2109", "31,234 photos", "uniform guess 5.9687", "0.2000"):
        assert part in line
    assert lines_of(text, "accuracy") == ["93.8%, 99.5% among the top 5"]
    assert lines_of(text, "photos") == ["1,200 train and 2 test (labelled by 3 folders)"]
    (line,) = lines_of(text, "temperature")
    assert line == "0.876 from the calibration slice, 1.012 on out-of-fold rows"


def test_the_weights_of_the_pool_are_told_the_largest_first(report, leaderboard, submission):
    text = summary_of(report, leaderboard, photos_with(0), submission)
    assert lines_of(text, "pool") == ["log-linear: 나의_모델 0.91, dino 0.30"]


def test_members_that_were_scored_are_listed(report, leaderboard, submission):
    text = summary_of(report, leaderboard, photos_with(0), submission)
    assert lines_of(text, "members") == ["dino 0.2500, 나의_모델 0.3124"]
    assert lines_of(text, "skipped") == ["siglip: its weights are not on this machine"]


@pytest.mark.parametrize("unreadable", [0, 2, 3, 4, 1200, 1202])
def test_unreadable_photos_are_counted_and_three_of_a_kind_named(
    report, leaderboard, submission, unreadable
):
    photos = photos_with(unreadable)
    text = summary_of(report, leaderboard, photos, submission)
    lines = lines_of(text, "no photo")
    in_train = min(unreadable, 1200)
    expected = []
    if in_train:
        named = ", ".join(f"차/{number}.jpg (잘림 {number})" for number in range(min(in_train, 3)))
        more = ", more in audit.csv" if in_train > 3 else ""
        expected.append(
            f"unreadable train photos, left out of training, {in_train:,}: {named}{more}"
        )
    if unreadable == 1202:
        expected.append(
            "unreadable test photos, answered by how frequent classes are, 2: "
            "차/1200.jpg (잘림 1200), 차/1201.jpg (잘림 1201)"
        )
    if unreadable >= 1200:
        expected.append("classes without a readable photo, 1: 차")
    assert lines == expected


def test_what_was_noted_of_the_folder_is_told(report, leaderboard, submission):
    text = summary_of(report, leaderboard, photos_with(0), submission)
    assert lines_of(text, "not used") == ["files in train/ that are no photos: 2 ('a', 'b')"]
    assert lines_of(text, "warning") == ["an odd table"]


def test_what_the_results_take_is_told(report, leaderboard, submission, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / RESULTS / "models").mkdir(parents=True)
    weights = tmp_path / RESULTS / "models" / "weights"
    weights.write_bytes(bytes(3_000_000))
    weights.with_name("the same").hardlink_to(weights)
    text = summary_of(report, leaderboard, photos_with(0), submission)
    assert lines_of(text, "disk") == ["3 MB in 결과"]


def test_the_submission_is_named_with_its_size(report, leaderboard, submission):
    text = summary_of(report, leaderboard, photos_with(0), submission)
    (line,) = lines_of(text, "submission")
    assert str(RESULTS / "07_model_output" / "submission.csv") in line
    assert "2 rows x 3 classes" in line
    assert len(lines_of(text, "top k")) == 1


def test_without_test_photos_there_is_no_submission(report, leaderboard, submission):
    text = summary_of(report, leaderboard, photos_with(0), submission.iloc[:0])
    assert lines_of(text, "submission") == ["none, because there are no test photos"]
    assert lines_of(text, "top k") == []
