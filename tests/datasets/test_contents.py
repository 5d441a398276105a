"""What is stored is named by its content, and another content by another name."""

import os

import pandas as pd
import pytest

from chajong.datasets import (
    JSONDataset,
    MetricsHistoryDataset,
    OptionalDataset,
    PhotoFolderDataset,
    PhotosDataset,
    ScratchDataset,
    TableDataset,
    TableFolderDataset,
)
from chajong.encoders.parameters import PretrainedParameters
from chajong.encoders.published import identities
from chajong.members.kinds.frozen import FrozenParameters
from chajong.members.kinds.fusion import FusionMemberParameters


@pytest.fixture
def photos(tmp_path):
    for name in ("a/1.jpg", "b/1.jpg"):
        (tmp_path / "train" / name).parent.mkdir(parents=True)
        (tmp_path / "train" / name).write_bytes(b"one")
    return tmp_path


def of_folder(folder, **settings):
    return PhotoFolderDataset(str(folder), str(folder), **settings).content()


def add(photo):
    photo.with_name("2.jpg").write_bytes(b"two")


def rewrite(photo):
    photo.write_bytes(b"two")
    os.utime(photo, ns=(1, 1))


def enlarge(photo):
    photo.write_bytes(b"three")


def forbid(photo):
    photo.chmod(0o000)


@pytest.mark.parametrize("change", [add, rewrite, enlarge, forbid, os.unlink])
def test_a_photo_folder_is_its_files(photos, change):
    before = of_folder(photos)
    assert of_folder(photos) == before
    change(photos / "train" / "a" / "1.jpg")
    assert of_folder(photos) != before


def test_a_photo_folder_read_in_another_way_is_another(photos):
    assert of_folder(photos) != of_folder(photos, group_pattern=r"(\d+)")


def test_a_link_that_leads_nowhere_is_one_of_the_files(photos):
    before = of_folder(photos)
    (photos / "train" / "a" / "2.jpg").symlink_to("nowhere.jpg")
    assert of_folder(photos) != before


def test_a_file_is_its_content(tmp_path):
    dataset = JSONDataset(str(tmp_path / "a.json"))
    contents = [dataset.content()]
    for value in (1, 2, 1):
        dataset.save(value)
        contents.append(dataset.content())
    assert contents[1] == contents[3]
    assert len(set(contents)) == 3


def test_a_table_is_what_is_loaded(tmp_path):
    dataset = TableDataset(str(tmp_path / "a.csv"))
    dataset.save(pd.DataFrame({"a": [1]}))
    before = dataset.content()
    dataset.save(pd.DataFrame({"a": [2]}))
    assert dataset.content() != before


def test_a_table_that_people_look_at_is_its_csv_file_too(tmp_path):
    dataset = TableDataset(str(tmp_path / "a.csv"))
    dataset.save(pd.DataFrame({"a": [1]}))
    before = dataset.content()
    (tmp_path / "a.csv").unlink()
    assert dataset.content() != before


@pytest.mark.parametrize(
    ("reason", "out_of_reach"),
    [
        (None, False),
        ("the file is empty", False),
        ("the storage failed, not the photo: Input/output error, 4 times", True),
        ("the file cannot be opened: Permission denied", True),
        ("the file changed or vanished while photos were prepared", True),
    ],
)
def test_photos_that_were_out_of_reach_may_be_there_the_next_time(tmp_path, reason, out_of_reach):
    dataset = PhotosDataset(str(tmp_path / "photos.parquet"))
    dataset.save(pd.DataFrame({"reason": pd.Series([None, reason], dtype="str")}))
    assert dataset.is_provisional() == out_of_reach


@pytest.mark.parametrize("kind", ["pandas.CSVDataset", "chajong.datasets.TableDataset"])
def test_what_may_be_absent_has_a_name_then_too(tmp_path, kind):
    dataset = OptionalDataset({"type": kind, "filepath": str(tmp_path / "a.csv")})
    absent = dataset.content()
    dataset.save(pd.DataFrame({"a": [1]}))
    assert absent is not None
    assert dataset.content() not in (None, absent)


def test_tables_of_others_and_figures_of_runs_are_all_their_files(tmp_path):
    file = tmp_path / "hog" / "metrics.json" / "1" / "metrics.json"
    datasets = TableFolderDataset(str(tmp_path)), MetricsHistoryDataset(str(tmp_path))
    before = [dataset.content() for dataset in datasets]
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    after = [dataset.content() for dataset in datasets]
    assert not set(before) & set(after)


def test_what_lies_in_a_scratch_folder_does_not_count(tmp_path):
    dataset = ScratchDataset(str(tmp_path))
    before = dataset.content()
    (tmp_path / "a").touch()
    assert dataset.content() == before


def test_weights_that_parameters_name_are_told_by_content(tmp_path):
    weights = tmp_path / "weights.safetensors"

    def of(content):
        weights.write_bytes(content)
        encoder = PretrainedParameters(library="timm", model="resnet18", weights=str(weights))
        return identities(FrozenParameters(kind="frozen", encoder=encoder))

    first, second = of(b"one"), of(b"two")
    assert len(first) == len(second) == 2  # those of the encoder, and of what embeds names
    assert first != second


def test_a_fusion_names_its_own_weights_and_those_of_names():
    model = {"model": "resnet18", "weights": "random", "name_model": "characters"}
    parameters = FusionMemberParameters(kind="fusion", start="backbone", model=model)
    assert identities(parameters) == ["random", "characters"]
