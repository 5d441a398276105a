"""A review of doubtful labels: honoured by the next run, or a stop before photos are read."""

import codecs
import shutil
from types import SimpleNamespace
from unicodedata import normalize

import pandas as pd
import pytest

TABLES = ("classes", "photos", "folds", "photo_groups", "data_processing.audit")
HEADER = "photo_id,verdict,new_label,score\n"


def processed(raw, data, run_pipelines, load_dataset):
    run_pipelines(raw, data, "data_processing")
    return SimpleNamespace(
        **{name.split(".")[-1]: load_dataset(raw, data, name) for name in TABLES}
    )


def write_review(data, text):
    file = data / "01_raw" / "photo_review.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.fixture(scope="module")
def twins(rendered, tmp_path_factory):
    """The rendered photos, and three pictures that are filed under two classes each."""
    raw = shutil.copytree(rendered, tmp_path_factory.mktemp("twins") / "raw")
    first, second = sorted((raw / "train").glob("Norvik_Tarn_*"))
    for number, photo in enumerate(sorted(first.glob("*.jpg"))[2:5]):
        shutil.copy(photo, second / f"twin_{number}.jpg")
    return raw


@pytest.fixture(scope="module")
def unreviewed(twins, tmp_path_factory, run_pipelines, load_dataset):
    return processed(twins, tmp_path_factory.mktemp("data"), run_pipelines, load_dataset)


@pytest.fixture(scope="module")
def chosen(unreviewed):
    """Photos to be reviewed: of each picture filed twice one, and photos without a twin."""
    groups = unreviewed.photo_groups.merge(unreviewed.photos[["photo_id", "sha256", "class_name"]])
    twin = groups[groups["photo_id"].str.contains("twin_")].set_index("photo_id")
    first = groups[~groups.index.isin(twin.index) & ~groups["photo_id"].isin(twin.index)]
    partner = first.set_index("sha256")["photo_id"]
    kept, dropped, relabelled = twin.index
    alone = groups[~groups["near_duplicates"].duplicated(keep=False)]["photo_id"].tolist()
    unreadable = unreviewed.photos.query("split == 'train' and status != 'ok'")["photo_id"]
    return SimpleNamespace(
        kept=kept,
        dropped=dropped,
        relabelled=relabelled,
        partner_of=lambda photo: partner[twin.loc[photo, "sha256"]],
        new_label=first.set_index("sha256").loc[twin.loc[relabelled, "sha256"], "class_name"],
        no_car=alone[0],
        plain_drop=alone[-1],
        unreadable=unreadable.iloc[0],
    )


@pytest.fixture(scope="module")
def reviewed(twins, chosen, tmp_path_factory, run_pipelines, load_dataset):
    """A run with every verdict, written as a person's program may write it."""
    data = tmp_path_factory.mktemp("data")
    rows = [
        (chosen.kept, "Keep", ""),
        (chosen.dropped, "drop", ""),
        (chosen.relabelled, "relabel", chosen.new_label),
        (chosen.no_car, " NOT A CAR", ""),
        (chosen.plain_drop, "drop ", ""),
        (chosen.unreadable, "keep", ""),
        ("nobody looked at this", "", ""),
    ]
    lines = [",".join([*row, "0.5"]) for row in rows]
    text = HEADER + "\r\n".join(normalize("NFD", line) for line in lines)
    write_review(data, codecs.BOM_UTF8 + text.encode())
    return processed(twins, data, run_pipelines, load_dataset)


def counts(run, photo):
    return run.folds.set_index("photo_id").loc[photo, "label_counts"]


def test_without_a_review_twins_of_two_classes_do_not_count(unreviewed, chosen):
    assert (unreviewed.photos["verdict"] == "").all()
    assert "reviewed" not in set(unreviewed.audit["kind"])
    for photo in (chosen.kept, chosen.dropped, chosen.relabelled):
        assert not counts(unreviewed, photo)
        assert not counts(unreviewed, chosen.partner_of(photo))


def test_a_kept_label_counts_and_its_partner_does_not(reviewed, chosen):
    assert counts(reviewed, chosen.kept)
    assert not counts(reviewed, chosen.partner_of(chosen.kept))


def test_a_dropped_label_does_not_count_and_contradicts_none(reviewed, chosen):
    assert not counts(reviewed, chosen.dropped)
    assert counts(reviewed, chosen.partner_of(chosen.dropped))


def test_a_new_label_is_the_class_and_ends_the_conflict(reviewed, chosen):
    classes = reviewed.photos.set_index("photo_id")["class_name"]
    assert classes[chosen.relabelled] == chosen.new_label
    assert counts(reviewed, chosen.relabelled)
    assert counts(reviewed, chosen.partner_of(chosen.relabelled))


@pytest.mark.parametrize("name", ["no_car", "plain_drop"])
def test_other_photos_that_are_out_do_not_count(unreviewed, reviewed, chosen, name):
    photo = getattr(chosen, name)
    assert counts(unreviewed, photo)
    assert not counts(reviewed, photo)


def test_a_review_moves_no_photo_to_another_fold(unreviewed, reviewed):
    before, after = (run.folds.drop(columns="label_counts") for run in (unreviewed, reviewed))
    pd.testing.assert_frame_equal(before, after)


def test_all_other_photos_are_as_before(unreviewed, reviewed, chosen):
    before, after = (
        run.photos.set_index("photo_id").drop(chosen.relabelled).drop(columns="verdict")
        for run in (unreviewed, reviewed)
    )
    pd.testing.assert_frame_equal(before, after)


def test_the_audit_says_what_was_done(reviewed, chosen, unreviewed):
    findings = reviewed.audit[reviewed.audit["kind"] == "reviewed"].set_index("photo_id")
    label = unreviewed.photos.set_index("photo_id").loc[chosen.relabelled, "class_name"]
    out = "its label does not count"
    assert findings[["detail", "action"]].to_dict("index") == {
        photo: {"detail": f"verdict: {detail}", "action": action}
        for photo, detail, action in [
            (chosen.kept, "keep", "its label counts"),
            (chosen.dropped, "drop", out),
            (chosen.relabelled, f"relabel, was {label}", "its label counts"),
            (chosen.no_car, "not a car", out),
            (chosen.plain_drop, "drop", out),
            (chosen.unreadable, "keep", "left out of training"),
        ]
    }


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("photo_id,verdict\n", r"photo_review\.csv has no column 'new_label', only 'photo_id'"),
            ("photo_id;verdict;new_label\n", r"has no column 'photo_id', only 'photo_id;verdict;"),
            (HEADER + "\n{photo}x,keep,,\n", r"row 3: there is no photo .* Did you mean '{photo}'"),
            (HEADER + "TEST_00000,drop,,\n", r"row 2: 'TEST_00000' is a test photo.*remove the"),
            (HEADER + "{photo},maybe,,\n", r"row 2: 'maybe' is no verdict: use one of 'keep'"),
            (HEADER + "{photo},relabel,,\n", r"row 2: the verdict 'relabel' has no new_label"),
            (HEADER + "{photo},relabel,{name}0,\n", r"'{name}0' is no class\. Did .*'{name}'"),
            (HEADER + "{photo},keep,{name},\n", r"verdict 'keep' has the new label '{name}'"),
            (HEADER + "{photo},keep,,\n{photo},drop,,\n", r"row 3: .* is 'drop' here and 'keep'"),
            (HEADER + "자동차,keep,,\n", r"row 2: .* is not in UTF-8: save the file as a CSV in"),
            ("", r"photo_review\.csv"),
        ],
    )
    def test_the_run_stops_before_it_reads_photos(
        self, rendered, tmp_path, run_pipelines, text, message
    ):
        photo = min((rendered / "train").rglob("*_0000.jpg"))
        known = {"photo": normalize("NFC", photo.relative_to(rendered).as_posix())}
        known["name"] = known["photo"].split("/")[1]
        written = text.format(**known)
        write_review(tmp_path, written.encode("cp949" if "자동차" in text else "utf-8"))
        with pytest.raises(Exception, match=message.format(**known)):
            run_pipelines(rendered, tmp_path, "data_processing")
        assert not (tmp_path / "03_primary" / "photos.parquet").exists()
        assert not (tmp_path / "02_intermediate" / "scratch" / "photo_store").exists()
