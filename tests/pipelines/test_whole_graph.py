"""The whole graph on rendered photos: what it writes, what a second run costs, what it pools."""

import io
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from kedro.framework.project import configure_project, pipelines
from PIL import Image

from chajong.manifest import seal_folder
from chajong.members.checkpoint import CheckpointError
from chajong.members.heads.checkpoint import fold_models
from chajong.predictions.contract import contract_hash
from chajong.predictions.scoring import class_prior
from chajong.predictions.submission import validate_submission
from tools.rendered_cars.sample_names import ALIAS_PAIR

SOON = {"heads": {"kinds": ["prototypes"], "shrinkages": [0.3]}}
TINY_TIMM = {
    "kind": "frozen",
    "encoder": {
        "library": "timm",
        "model": "test_efficientnet",
        "weights": "random",
        "image_size": 32,
        "zoom": [1.0],
        "flip": False,
    },
    **SOON,
}

MORE = {
    "timm_frozen": TINY_TIMM,
    "concat": {"kind": "concat", "encoders": ["hog", "timm_frozen"], **SOON},
}


def table_of(path):
    return pd.read_csv(path, encoding="utf-8-sig", dtype={"ID": str})


def submission_of(data):
    return table_of(data / "07_model_output" / "submission.csv")


def members_of(data):
    table = pd.read_csv(data / "08_reporting" / "leaderboard.csv")
    return table.set_index("member")["status"].to_dict()


class TestFinishedRun:
    def test_submission_has_the_ids_and_columns_of_the_sample_submission(self, finished):
        path = finished.data / "07_model_output" / "submission.csv"
        wanted, found = table_of(finished.raw / "sample_submission.csv"), table_of(path)
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
        assert found.columns.tolist() == wanted.columns.tolist()
        assert found["ID"].tolist() == wanted["ID"].tolist()
        validate_submission(found, wanted["ID"].tolist(), wanted.columns.tolist()[1:])

    def test_both_names_of_one_car_have_the_same_column(self, finished):
        submission = submission_of(finished.data)
        first, second = ALIAS_PAIR
        assert (submission[first] == submission[second]).all()

    def test_an_unreadable_test_photo_is_given_the_class_prior(self, finished):
        photos, classes, folds = (finished.load(name) for name in ("photos", "classes", "folds"))
        counted = folds.loc[folds["label_counts"], "photo_id"]
        names = photos.set_index("photo_id").loc[counted, "class_name"]
        effective_id = classes.set_index("name")["effective_id"]
        labels = effective_id.loc[names].to_numpy()
        prior = class_prior(labels, effective_id.nunique())[effective_id.to_numpy()]
        (unreadable,) = photos.query("split == 'test' and status != 'ok'")["photo_id"]
        row = submission_of(finished.data).set_index("ID").loc[unreadable, classes["name"]]
        np.testing.assert_allclose(row.to_numpy(float), prior / prior.sum())

    def test_top_k_ranks_the_readable_test_photos(self, finished):
        top_k, photos = finished.load("ensemble.top_k"), finished.load("photos")
        readable = photos.query("split == 'test' and status == 'ok'")["photo_id"]
        assert list(top_k.columns) == ["photo_id", "rank", "name", "probability"]
        assert set(top_k["photo_id"]) == set(readable)
        assert top_k["rank"].tolist() == [1, 2, 3, 4, 5] * len(readable)
        assert top_k.groupby("photo_id")["probability"].is_monotonic_decreasing.all()

    def test_reports_are_where_people_look_for_them(self, finished):
        reports = finished.data / "08_reporting"
        page = (reports / "audit.html").read_text(encoding="utf-8")
        assert "data:image/" in page
        assert "near-duplicate" in page
        assert members_of(finished.data) == {"hog": "pooled", "ensemble": "the pool of all members"}

    def test_the_run_ends_with_its_summary(self, finished):
        summary = (finished.data / "08_reporting" / "summary.txt").read_text(encoding="utf-8")
        log = finished.data / "08_reporting" / "run.log"
        assert finished.printed.endswith(f"{summary.rstrip()}\n  log          {log}\n")
        assert "Running node: draw_report" in log.read_text(encoding="utf-8")
        assert str(finished.data / "07_model_output" / "submission.csv") in summary

    def test_out_of_fold_log_loss_is_clearly_below_a_uniform_guess(self, finished):
        report = finished.load("ensemble.report")
        assert report["uniform_log_loss"] == pytest.approx(np.log(9))
        assert report["log_loss"] < 0.8 * report["uniform_log_loss"]

    def test_near_duplicates_share_a_fold(self, finished):
        groups = finished.load("photo_groups").merge(finished.load("folds"), on="photo_id")
        assert groups["near_duplicates"].duplicated().any()
        assert (groups.groupby("near_duplicates")["fold"].nunique() == 1).all()

    def test_photos_in_conflict_are_predicted_and_do_not_count(self, finished):
        groups = finished.load("photo_groups")
        conflict = set(groups.loc[groups["conflict"], "photo_id"])
        rows = finished.load("hog.predictions").rows
        assert len(conflict) == 2
        assert set(rows.loc[rows["split"] == "train", "photo_id"]) >= conflict
        in_train = rows["split"] != "test"
        assert set(rows.loc[in_train & ~rows["label_counts"], "photo_id"]) == conflict

    def test_predictions_name_the_classes_and_folds_they_belong_to(self, finished):
        tables = [finished.load(name) for name in ("classes", "folds", "photos")]
        contract = contract_hash(*tables)
        assert finished.load("hog.predictions").contract == contract
        assert finished.load("ensemble.predictions").contract == contract

    def test_each_fold_predicts_the_calibration_slice_once(self, finished):
        folds, rows = finished.load("folds"), finished.load("hog.predictions").rows
        held_out = folds.loc[folds["fold"] == -1, "photo_id"]
        calibration = rows[rows["split"] == "calibration"]
        assert len(held_out)
        assert set(calibration["photo_id"]) == set(held_out)
        for _, made_by in calibration.groupby("photo_id")["fold"]:
            assert sorted(made_by) == sorted(set(folds["fold"]) - {-1})

    def test_the_checkpoint_gives_the_saved_predictions_again(self, finished):
        models = fold_models(finished.load("hog.checkpoint"))
        features, predictions = finished.load("hog.features"), finished.load("hog.predictions")
        rows = predictions.rows
        position = {photo: row for row, photo in enumerate(features.photo_ids)}
        for fold, model in enumerate(models):
            # Out-of-fold rows have the temperature of the other folds, not the checkpoint's.
            made_by = ((rows["fold"] == fold) & (rows["split"] != "train")).to_numpy()
            chosen = [position[photo] for photo in rows.loc[made_by, "photo_id"]]
            scored = model.log_probabilities(as_tensor(features.matrix[chosen]))
            np.testing.assert_allclose(scored, predictions.log_probabilities[made_by], atol=1e-3)


def as_tensor(matrix):
    import torch

    return torch.from_numpy(matrix.astype(np.float32))


class TestSecondRun:
    PIPELINES = ("data_processing", "feature_extraction")

    def test_unchanged_photos_are_not_encoded_again(
        self, finished, data_dir, run_pipelines, load_dataset
    ):
        assert finished.load("data_processing.extraction")["photos_encoded_now"] > 0
        run_pipelines(finished.raw, data_dir, *self.PIPELINES, hog=finished.hog | SOON)
        extraction = load_dataset(finished.raw, data_dir, "data_processing.extraction")
        assert extraction["photos_encoded_now"] == 0

    def test_a_new_photo_encodes_only_itself_and_a_renamed_one_nothing(
        self, finished, raw_dir, data_dir, run_pipelines, load_dataset
    ):
        first, second, third = sorted((raw_dir / "train").rglob("*.jpg"))[:3]
        first.rename(first.with_name("renamed.jpg"))
        second.with_name("added.jpg").write_bytes(brightened(third))
        before = len(load_dataset(raw_dir, data_dir, "photos"))
        run_pipelines(raw_dir, data_dir, *self.PIPELINES, hog=finished.hog | SOON)
        photos = load_dataset(raw_dir, data_dir, "photos")
        extraction = load_dataset(raw_dir, data_dir, "data_processing.extraction")
        assert extraction["photos_encoded_now"] == 1
        assert len(photos) == before + 1
        assert photos["photo_id"].str.endswith(("/renamed.jpg", "/added.jpg")).sum() == 2


def brightened(path):
    file = io.BytesIO()
    with Image.open(path) as photo:
        photo.point(lambda value: min(255, value + 40)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture(scope="module")
def several(finished, tmp_path_factory, run_pipelines):
    """A run that pools three members of its own and a table of somebody else."""
    data = tmp_path_factory.mktemp("several") / "data"
    shutil.copytree(finished.data, data)
    write_uniform_table(finished, data / "07_model_output" / "external" / "teammate.csv")
    run_pipelines(finished.raw, data, "feature_extraction", "ensembling", **MORE)
    return data


class TestMembers:
    def test_every_member_with_predictions_is_pooled(self, several):
        statuses = members_of(several)
        assert statuses.pop("ensemble")
        assert statuses == dict.fromkeys(("hog", "timm_frozen", "concat", "teammate"), "pooled")

    def test_concatenated_features_are_as_wide_as_their_parts(self, several, load_dataset):
        hog, timm, concat = (
            load_dataset("unused", several, f"{member}.features").matrix.shape
            for member in ("hog", "timm_frozen", "concat")
        )
        assert concat == (hog[0], hog[1] + timm[1])

    def test_a_member_can_be_left_out(self, finished, several, tmp_path, run_pipelines):
        data = shutil.copytree(several, tmp_path / "data")
        leave_out = {"leave_out": ["timm_frozen", "teammate"]}
        run_pipelines(finished.raw, data, "ensembling", ensembling=leave_out, **MORE)
        assert set(members_of(data)) == {"hog", "concat", "ensemble"}

    def test_a_member_that_has_not_run_is_named_with_the_command_for_it(
        self, finished, several, tmp_path, run_pipelines
    ):
        data = shutil.copytree(several, tmp_path / "data")
        run_pipelines(finished.raw, data, "ensembling", later={"kind": "frozen"}, **MORE)
        summary = (data / "08_reporting" / "summary.txt").read_text(encoding="utf-8")
        assert "later: has not run yet: `kedro run --namespaces later`" in summary
        assert "later" not in members_of(data)

    def test_a_checkpoint_of_an_earlier_version_is_refused_in_words(
        self, finished, several, tmp_path, run_pipelines
    ):
        data = shutil.copytree(several, tmp_path / "data")
        for file in (data / "06_models" / "hog").rglob("configuration.json"):
            known = json.loads(file.read_text(encoding="utf-8"))
            old = {key: value for key, value in known.items() if key not in ("kind", "builds_on")}
            file.write_text(json.dumps(old), encoding="utf-8")
            seal_folder(file.parent)
        with pytest.raises(CheckpointError, match="kedro run --namespaces hog"):
            run_pipelines(finished.raw, data, "ensembling", **MORE)

    def test_predictions_of_other_folds_are_skipped_until_none_is_left(
        self, finished, several, tmp_path, run_pipelines
    ):
        data = shutil.copytree(several, tmp_path / "data")
        other = {"data_processing": {"seed": 7}}
        run_pipelines(finished.raw, data, "data_processing", "ensembling", **other, **MORE)
        statuses = members_of(data)
        assert statuses["teammate"] == "pooled"
        for member in ("hog", "timm_frozen", "concat"):
            assert statuses[member].startswith("made with other photos, classes"), member
        shutil.rmtree(data / "07_model_output" / "external")
        with pytest.raises(ValueError, match=r"hog made with other photos, classes"):
            run_pipelines(finished.raw, data, "ensembling")

    def test_exchanged_test_photos_make_members_stale_until_they_run_again(
        self, finished, raw_dir, data_dir, run_pipelines
    ):
        ids = exchange_test_photos(raw_dir)
        before = (data_dir / "07_model_output" / "submission.csv").read_bytes()
        with pytest.raises(ValueError, match=r"hog made with other .*`kedro run --namespaces hog`"):
            run_pipelines(raw_dir, data_dir, "data_processing", "ensembling")
        with pytest.raises(ValueError, match=r"ensemble's predictions were made with other photos"):
            run_pipelines(raw_dir, data_dir, "reporting")
        assert (data_dir / "07_model_output" / "submission.csv").read_bytes() == before
        old = submission_of(data_dir).set_index("ID")
        run_pipelines(raw_dir, data_dir, hog=finished.hog)
        new = submission_of(data_dir).set_index("ID")
        np.testing.assert_allclose(new.loc[ids], old.loc[ids[::-1]], atol=1e-6)

    def test_a_stale_member_is_named_beside_one_that_is_not(
        self, finished, several, tmp_path, raw_dir, run_pipelines
    ):
        data = shutil.copytree(several, tmp_path / "data")
        exchange_test_photos(raw_dir)
        run_pipelines(raw_dir, data, "data_processing", "feature_extraction")
        run_pipelines(raw_dir, data, "ensembling", **MORE)
        statuses = members_of(data)
        assert statuses["hog"] == statuses["teammate"] == "pooled"
        for member in ("timm_frozen", "concat"):
            assert statuses[member].endswith(f"`kedro run --namespaces {member}`")
        table = pd.read_csv(data / "08_reporting" / "leaderboard.csv", index_col="member")
        assert table.loc[["timm_frozen", "concat"], "log_loss"].isna().all()

    def test_nothing_is_handed_in_before_the_saved_ensemble_was_compared(self):
        configure_project("chajong")
        after = pipelines["ensembling"].from_nodes("ensemble.compare_saved_ensemble")
        assert {"ensemble.submission", "ensemble.top_k"} <= after.all_outputs()


def exchange_test_photos(raw):
    """Give each readable test photo the content of another one, and list their IDs."""
    files = [path for path in sorted((raw / "test").glob("*.jpg")) if is_photo(path)]
    contents = [path.read_bytes() for path in files]
    for path, content in zip(files, contents[::-1], strict=True):
        path.write_bytes(content)
    return [path.stem for path in files]


def is_photo(path):
    try:
        Image.open(path).load()
    except OSError:
        return False
    return True


def write_uniform_table(finished, path):
    folds, photos = finished.load("folds"), finished.load("photos")
    test = photos.loc[photos["split"] == "test", "photo_id"]
    table = pd.DataFrame({"photo_id": [*folds["photo_id"], *test]})
    names = finished.load("classes")["name"]
    table[names.tolist()] = 1 / len(names)
    path.parent.mkdir(parents=True)
    table.to_csv(path, index=False, encoding="utf-8-sig")


class TestOtherLayouts:
    def test_train_alone_gives_a_submission_without_rows(self, raw_dir, tmp_path, run_pipelines):
        for name in ("test.csv", "sample_submission.csv"):
            (raw_dir / name).unlink()
        shutil.rmtree(raw_dir / "test")
        data = tmp_path / "data"
        run_pipelines(raw_dir, data)
        assert submission_of(data).empty
        summary = (data / "08_reporting" / "summary.txt").read_text(encoding="utf-8")
        assert "none, because there are no test photos" in summary
        assert "log loss" in summary

    def test_a_train_table_labels_the_same_photos_and_names_their_vehicles(
        self, finished, raw_dir, tmp_path, run_pipelines, load_dataset
    ):
        wanted = finished.load("photos").query("split == 'train'")
        numbers = wanted["photo_id"].str.extract(r"_(\d+)\.jpg$")[0].astype(int)
        table = pd.DataFrame(
            {
                "img_path": wanted["photo_id"],
                "label": wanted["class_name"],
                "vehicle": wanted["class_name"] + (numbers // 3).astype(str),
            }
        )
        table.to_csv(raw_dir / "train_df.csv", index=False, encoding="utf-8-sig")
        data = tmp_path / "data"
        run_pipelines(
            raw_dir, data, "data_processing", train_table="train_df.csv", group_column="vehicle"
        )
        photos = load_dataset(raw_dir, data, "photos").query("split == 'train'")
        assert photos["class_name"].tolist() == wanted["class_name"].tolist()
        assert photos["sha256"].tolist() == wanted["sha256"].tolist()
        vehicles = load_dataset(raw_dir, data, "folds").merge(photos, on="photo_id")
        assert (vehicles.groupby("group_y")["fold"].nunique() == 1).all()
        assert set(vehicles["fold"]) >= {0, 1, 2, 3}
