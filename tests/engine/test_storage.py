"""Photos and results on S3, which a server on this machine stands in for."""

import logging
import shutil
import unicodedata

import pandas as pd
import pytest
from kedro.pipeline import Node, Pipeline

from chajong.datasets import TableDataset
from chajong.manifest import DamagedError
from chajong.mirror import Mirror, fetch, publish
from chajong.photos.fetched import fetch_folder
from chajong.photos.raw_tables import RawDataError
from chajong.tables import read_table, write_table
from chajong.whole import whole_folder

BUCKET = "s3://cars"


@pytest.fixture(scope="module")
def s3():
    pytest.importorskip("s3fs")
    moto_server = pytest.importorskip("moto.server")
    import fsspec

    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for every request
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        files = fsspec.filesystem("s3", use_listings_cache=False)
        files.mkdir(BUCKET)
        yield files
    server.stop()


@pytest.fixture
def there(s3, request):
    """A folder of its own for every test."""
    return f"{BUCKET}/{request.node.name.split('[')[0]}"


def lying(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


NAMES = ("train/소나타 [DN8]/a b.jpg", "train/K5?/#1.jpg", "test.csv", "train/é*.jpg")


def test_a_remote_folder_is_copied_as_it_is(s3, there, tmp_path):
    decomposed = unicodedata.normalize("NFD", "train/쏘렌토/가.jpg")
    content = {name: name.encode() for name in (*NAMES, decomposed)}
    for name, data in content.items():
        s3.pipe_file(f"{there}/{name}", data)
    fetch_folder(there, tmp_path / "raw")
    assert lying(tmp_path / "raw") == content


def test_only_what_changed_is_fetched_again(s3, there, tmp_path):
    for name in "abc":
        s3.pipe_file(f"{there}/{name}.jpg", name.encode())
    fetch_folder(there, tmp_path / "raw")
    untouched = (tmp_path / "raw" / "a.jpg").stat().st_mtime_ns
    s3.pipe_file(f"{there}/b.jpg", b"B")
    s3.rm(f"{there}/c.jpg")
    s3.pipe_file(f"{there}/d.jpg", b"d")
    fetch_folder(there, tmp_path / "raw")
    assert lying(tmp_path / "raw") == {"a.jpg": b"a", "b.jpg": b"B", "d.jpg": b"d"}
    assert (tmp_path / "raw" / "a.jpg").stat().st_mtime_ns == untouched


def test_an_interrupted_copy_goes_on_where_it_stopped(s3, there, tmp_path, monkeypatch):
    from chajong.photos import fetched

    for name in "abcd":
        s3.pipe_file(f"{there}/{name}.jpg", name.encode())
    monkeypatch.setattr(fetched, "AT_ONCE", 2)
    fetch = fetched._fetch

    def cut_off(files, top, names, folder):
        if "c.jpg" in names:
            raise KeyboardInterrupt
        fetch(files, top, names, folder)

    monkeypatch.setattr(fetched, "_fetch", cut_off)
    with pytest.raises(KeyboardInterrupt):
        fetch_folder(there, tmp_path / "raw")
    asked = []
    monkeypatch.setattr(fetched, "_fetch", lambda *given: (asked.extend(given[2]), fetch(*given)))
    fetch_folder(there, tmp_path / "raw")
    assert asked == ["c.jpg", "d.jpg"]
    assert lying(tmp_path / "raw") == {f"{name}.jpg": name.encode() for name in "abcd"}


@pytest.mark.parametrize("address", [f"{BUCKET}/nothing", "s3://no-such-bucket/cars", "odd://a"])
def test_an_address_without_photos_is_an_error_in_words(s3, address, tmp_path):
    with pytest.raises(RawDataError, match=address):
        fetch_folder(address, tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


def write_folder(folder, content):
    with whole_folder(folder, known_by="manifest.json") as unfinished:
        for name, data in content.items():
            (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
            (unfinished / name).write_bytes(data)


PARTS = {"모델.json": b"{}", "fold_0/weights": b"0" * 1000, "fold_0/[1]": b""}


def test_a_folder_comes_back_whole(there, tmp_path):
    write_folder(tmp_path / "checkpoint", PARTS)
    publish(tmp_path / "checkpoint", there)
    assert fetch(there, tmp_path / "elsewhere" / "checkpoint")
    assert lying(tmp_path / "elsewhere" / "checkpoint") == lying(tmp_path / "checkpoint")


def test_a_table_comes_back_sealed(there, tmp_path):
    table = pd.DataFrame({"차": ["K5", "소나타"]})
    (tmp_path / "here").mkdir()
    import pyarrow as pa

    write_table(pa.Table.from_pandas(table), tmp_path / "here" / "차.arrow")
    publish(tmp_path / "here" / "차.arrow", f"{there}/차.arrow")
    assert fetch(f"{there}/차.arrow", tmp_path / "차.arrow")
    pd.testing.assert_frame_equal(read_table(tmp_path / "차.arrow").to_pandas(), table)
    (tmp_path / "차.arrow").write_bytes(b"something else")
    with pytest.raises(DamagedError):
        read_table(tmp_path / "차.arrow")


def test_a_text_that_people_may_edit_is_not_sealed(there, tmp_path):
    (tmp_path / "a.csv").write_text("1")
    publish(tmp_path / "a.csv", f"{there}/a.csv")
    assert fetch(f"{there}/a.csv", tmp_path / "b.csv")
    assert lying(tmp_path) == {"a.csv": b"1", "b.csv": b"1"}


@pytest.mark.parametrize("cut_off", ["put", "pipe_file"])
def test_a_copy_that_was_cut_off_is_not_there(s3, there, tmp_path, monkeypatch, cut_off):
    write_folder(tmp_path / "checkpoint", PARTS)
    publish(tmp_path / "checkpoint", there)
    write_folder(tmp_path / "checkpoint", PARTS | {"모델.json": b"[]"})

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(s3, cut_off, interrupted)
        with pytest.raises(KeyboardInterrupt):
            publish(tmp_path / "checkpoint", there)
    assert not fetch(there, tmp_path / "elsewhere")
    publish(tmp_path / "checkpoint", there)
    assert fetch(there, tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / "모델.json").read_bytes() == b"[]"


def test_a_copy_that_changed_is_refused_and_leaves_nothing(s3, there, tmp_path):
    write_folder(tmp_path / "checkpoint", PARTS)
    publish(tmp_path / "checkpoint", there)
    s3.pipe_file(f"{there}/fold_0/weights", b"1" * 1000)
    with pytest.raises(DamagedError, match="weights"):
        fetch(there, tmp_path / "elsewhere")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_what_a_run_lacks_is_fetched_for_it(s3, there, tmp_path):
    table = pd.DataFrame({"차": ["3008", "NA"], "fold": [1, 2]})
    dataset = TableDataset(str(tmp_path / "08_reporting" / "표.csv"))
    mirror = Mirror(tmp_path, there)
    mirror.publish(dataset)  # nothing yet
    dataset.save(table)
    mirror.publish(dataset)
    shutil.rmtree(tmp_path / "08_reporting")
    mirror.fetch_missing(Pipeline([Node(len, "표", "rows")]), {"표": dataset})
    pd.testing.assert_frame_equal(dataset.load(), table)
    assert s3.cat_file(f"{there}/08_reporting/표.csv").startswith("\ufeff".encode())


def test_a_folder_of_whole_folders_is_copied_part_by_part(there, tmp_path):
    for fold in ("fold_0", "fold_1"):
        write_folder(tmp_path / "adapters" / fold, PARTS)
    publish(tmp_path / "adapters", there)
    assert fetch(f"{there}/fold_1", tmp_path / "fold_1")


def test_another_machine_goes_on_with_what_the_first_one_left(
    s3, there, small_run, run_hog, tmp_path
):
    """Photos on S3, results on S3, and between the runs nothing on the disk."""
    before = ("data_processing", "feature_extraction")
    run_hog(tmp_path / "here", *before, "ensembling", raw_dir=str(small_run.raw))
    s3.put(f"{small_run.raw}/", f"{there}/raw", recursive=True)
    elsewhere = {"raw_dir": f"{there}/raw", "mirror": f"{there}/results"}
    run_hog(tmp_path / "first", *before, **elsewhere)
    shutil.rmtree(tmp_path / "first")
    run_hog(tmp_path / "second", "ensembling", **elsewhere)
    submission = "07_model_output/submission.csv"
    expected = (tmp_path / "here" / submission).read_bytes()
    assert (tmp_path / "second" / submission).read_bytes() == expected
    assert s3.cat_file(f"{there}/results/{submission}") == expected
    models = f"{there}/results/06_models"
    assert s3.glob(f"{models}/hog/checkpoint/*/checkpoint/manifest.json")
    assert s3.glob(f"{models}/ensemble/*/ensemble/manifest.json")
