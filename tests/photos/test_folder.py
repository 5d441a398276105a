import os
from pathlib import Path
from unicodedata import normalize

import pytest

from chajong.photos.folder import RawDataError, scan_photo_folder

K5, SONATA = "K5_3세대_2020_2022", "쏘나타_2019"
TRAIN = {f"train/{K5}/a.jpg": b"", f"train/{SONATA}/b.jpg": b""}
TEST = {"test/TEST_0.jpg": b"", "test/TEST_1.jpg": b""}
TEST_TABLE = {"test.csv": "ID,img_path\nTEST_1,./test/TEST_1.jpg\nTEST_0,./test/TEST_0.jpg\n"}
SUBMISSION = {"sample_submission.csv": f"ID,{SONATA},{K5}\nTEST_1,0.5,0.5\nTEST_0,0.5,0.5\n"}


def refused(root: Path, **options: str) -> str:
    with pytest.raises(RawDataError) as error:
        scan_photo_folder(root, **options)
    return str(error.value)


class TestTrainFolders:
    def test_train_alone_is_enough(self, write_folder):
        folder = scan_photo_folder(write_folder(TRAIN))
        assert folder.listing.to_dict("list")["photo_id"] == list(TRAIN)
        assert folder.listing["class_name"].tolist() == [K5, SONATA]
        assert folder.class_names == (K5, SONATA)
        assert folder.submission_ids == ()
        assert folder.warnings == ()

    def test_every_photo_format_counts_and_other_files_are_named(self, write_folder):
        names = ["a.JPG", "b.jpeg", "c.png", "d.webp", "e.bmp", "f.gif", "notes.txt", "._a.jpg"]
        folder = scan_photo_folder(write_folder({f"train/{K5}/{name}": b"" for name in names}))
        found = [Path(path).name for path in folder.listing["path"]]
        assert found == ["a.JPG", "b.jpeg", "c.png", "d.webp", "e.bmp"]
        assert len(folder.warnings) == 1
        assert "f.gif" in folder.warnings[0]
        assert "notes.txt" in folder.warnings[0]

    def test_photos_outside_class_folders_are_named(self, write_folder):
        files = {**TRAIN, "train/loose.jpg": b"", f"train/{K5}/deeper/c.jpg": b""}
        folder = scan_photo_folder(write_folder(files))
        assert len(folder.listing) == 2
        assert "train/loose.jpg" in folder.warnings[0]
        assert f"train/{K5}/deeper/c.jpg" in folder.warnings[0]

    def test_an_empty_class_folder_is_named(self, write_folder):
        root = write_folder(TRAIN)
        (root / "train" / "빈_클래스").mkdir()
        folder = scan_photo_folder(root)
        assert folder.class_names == (K5, SONATA)
        assert folder.warnings == ("The class folder train/빈_클래스 has no photos.",)

    def test_names_are_composed_and_paths_stay_as_on_the_disk(self, write_folder):
        decomposed = normalize("NFD", f"train/{SONATA}/사진.jpg")
        folder = scan_photo_folder(write_folder({decomposed: b"photo"}))
        row = folder.listing.iloc[0]
        assert row["photo_id"] == f"train/{SONATA}/사진.jpg"
        assert row["class_name"] == SONATA
        assert row["path"] == decomposed
        assert folder.read(row["path"]) == b"photo"

    def test_folders_that_differ_only_in_unicode_form_are_one_class(self, write_folder):
        twin = normalize("NFD", f"train/{SONATA}/c.jpg")
        folder = scan_photo_folder(write_folder({**TRAIN, twin: b""}))
        assert folder.listing["class_name"].tolist() == [K5, SONATA, SONATA]
        assert folder.class_names == (K5, SONATA)
        assert folder.warnings == (
            f"2 folders are named train/{SONATA} in different Unicode forms (NFC, NFD): their "
            "photos are one class.",
        )

    def test_files_that_differ_only_in_unicode_form_are_refused(self, write_folder):
        twin = normalize("NFD", f"train/{SONATA}/b.jpg")
        message = refused(write_folder({**TRAIN, twin: b""}))
        assert ascii(twin) in message
        assert ascii(f"train/{SONATA}/b.jpg") in message
        assert "rename one" in message

    def test_a_missing_folder_names_the_fix(self, tmp_path):
        message = refused(tmp_path / "없음")
        assert str(tmp_path / "없음") in message
        assert "--params raw_dir=" in message

    def test_a_folder_without_train_says_what_it_holds(self, write_folder):
        message = refused(write_folder({"open/x.jpg": b""}))
        assert "no folder train/, only 'open'" in message
        assert "--params raw_dir=" in message

    def test_an_empty_train_folder_names_the_layout(self, write_folder):
        root = write_folder({"test/x.jpg": b""})
        (root / "train").mkdir()
        assert "train/<class>/<photo>" in refused(root)

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
    def test_a_folder_that_may_not_be_listed_is_named(self, write_folder):
        root = write_folder(TRAIN)
        (root / "train" / K5).chmod(0)
        assert K5 in refused(root)


class TestTest:
    def test_rows_are_in_the_order_of_the_table(self, write_folder):
        folder = scan_photo_folder(write_folder({**TRAIN, **TEST, **TEST_TABLE}))
        test = folder.listing[folder.listing["split"] == "test"]
        assert test["photo_id"].tolist() == ["TEST_1", "TEST_0"]
        assert test["path"].tolist() == ["test/TEST_1.jpg", "test/TEST_0.jpg"]
        assert test["class_name"].isna().all()
        assert folder.submission_ids == ("TEST_1", "TEST_0")

    def test_without_a_table_names_are_the_ids(self, write_folder):
        folder = scan_photo_folder(write_folder({**TRAIN, **TEST}))
        assert folder.submission_ids == ("TEST_0", "TEST_1")

    def test_ids_are_texts(self, write_folder):
        table = {"test.csv": "ID,img_path\n007,test/TEST_0.jpg\nNA,test/TEST_1.jpg\n"}
        folder = scan_photo_folder(write_folder({**TRAIN, **TEST, **table}))
        assert folder.submission_ids == ("007", "NA")

    def test_a_missing_photo_keeps_its_row(self, write_folder):
        table = {"test.csv": TEST_TABLE["test.csv"] + "TEST_2,./test/TEST_2.jpg\n"}
        listing = scan_photo_folder(write_folder({**TRAIN, **TEST, **table})).listing
        assert listing["photo_id"].tolist()[2:] == ["TEST_1", "TEST_0", "TEST_2"]
        assert listing["found"].tolist() == [True, True, True, True, False]

    def test_a_table_finds_decomposed_names(self, write_folder):
        stored = normalize("NFD", "test/차.jpg")
        table = {"test.csv": "ID,img_path\nTEST_0,.\\test\\차.jpg\n"}
        row = scan_photo_folder(write_folder({**TRAIN, stored: b"", **table})).listing.iloc[-1]
        assert row["path"] == stored
        assert row["found"]

    def test_photos_that_the_table_does_not_list_are_named(self, write_folder):
        files = {**TRAIN, **TEST, **TEST_TABLE, "test/extra.jpg": b""}
        (warning,) = scan_photo_folder(write_folder(files)).warnings
        assert "test/extra.jpg" in warning

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ("ID,img_path\nA,test/TEST_0.jpg\nA,test/TEST_1.jpg\n", "lists the ID 'A' twice"),
            ("ID,file\nA,test/TEST_0.jpg\n", "no column 'img_path' or 'path', only 'ID', 'file'"),
            ("ID,img_path\nA,../secret.jpg\n", "'../secret.jpg': paths must be relative"),
            ("ID,img_path\nA,\n", "''"),
            ("ID,img_path\n,test/TEST_0.jpg\n", "no ID in row 2"),
            ("", "is empty"),
            ("ID,img_path\n".encode("utf-16"), "in UTF-8"),
            ("ID,img_path\nA,그림.jpg\n".encode("cp949"), "in UTF-8"),
            ("ID,img_path\nA,b\n\nC,d,e\n", "3 values in row 3, but 2 columns"),
        ],
    )
    def test_a_bad_table_is_named_with_its_fault(self, write_folder, table, message):
        text = refused(write_folder({**TRAIN, **TEST, "test.csv": table}))
        assert "test.csv" in text
        assert message in text

    def test_two_photos_of_one_name_are_refused(self, write_folder):
        message = refused(write_folder({**TRAIN, **TEST, "test/TEST_0.png": b""}))
        assert "'TEST_0' twice" in message


class TestSubmission:
    def test_its_columns_and_ids_set_the_order(self, write_folder):
        folder = scan_photo_folder(write_folder({**TRAIN, **TEST, **TEST_TABLE, **SUBMISSION}))
        assert folder.class_names == (SONATA, K5)
        assert folder.submission_ids == ("TEST_1", "TEST_0")

    def test_decomposed_columns_are_composed_and_keep_their_spelling(self, write_folder):
        submission = {name: normalize("NFD", text) for name, text in SUBMISSION.items()}
        folder = scan_photo_folder(write_folder({**TRAIN, **TEST, **submission}))
        assert folder.class_names == (SONATA, K5)
        assert folder.submission_columns == (normalize("NFD", SONATA), normalize("NFD", K5))

    def test_a_train_class_without_a_column_is_refused(self, write_folder):
        message = refused(write_folder({**TRAIN, **TEST, **SUBMISSION, "train/BMW/c.jpg": b""}))
        assert "sample_submission.csv has no column for the train class 'BMW'" in message

    def test_a_column_without_train_photos_keeps_its_place(self, write_folder):
        submission = {
            "sample_submission.csv": f"ID,없는차,{SONATA},{K5}\nTEST_0,0,0,1\nTEST_1,0,0,1"
        }
        folder = scan_photo_folder(write_folder({**TRAIN, **TEST, **submission}))
        assert folder.class_names == ("없는차", SONATA, K5)
        assert "없는차" in folder.warnings[0]

    @pytest.mark.parametrize(
        ("ids", "message"),
        [
            (["TEST_0", "TEST_1", "TEST_9"], "'TEST_9' is not among the test photos"),
            (["TEST_0"], "'TEST_1' is missing, although it is a test photo"),
            (["TEST_0", "TEST_1", "TEST_0"], "'TEST_0' twice"),
        ],
    )
    def test_ids_that_differ_from_the_test_photos_are_refused(self, write_folder, ids, message):
        table = f"ID,{SONATA},{K5}\n" + "".join(f"{name},0,1\n" for name in ids)
        root = write_folder({**TRAIN, **TEST, "sample_submission.csv": table})
        assert message in refused(root)

    def test_a_column_that_occurs_twice_is_refused(self, write_folder):
        table = {"sample_submission.csv": f"ID,{SONATA},{K5},{normalize('NFD', SONATA)}\n"}
        assert f"the column '{SONATA}' twice" in refused(write_folder({**TRAIN, **table}))

    def test_ids_without_test_photos_are_a_warning(self, write_folder):
        folder = scan_photo_folder(write_folder({**TRAIN, **SUBMISSION}))
        assert folder.submission_ids == ()
        assert "there are no test photos" in folder.warnings[0]


class TestTrainTable:
    FILES = {"train/0.jpg": b"", "train/1.jpg": b""}  # noqa: RUF012
    TABLE = f"img_path,label\n./train/1.jpg,{K5}\ntrain/0.jpg,{SONATA}\n"

    @pytest.mark.parametrize("name", ["train_df.csv", "train.csv"])
    def test_is_used_on_its_own_where_train_has_no_folders(self, write_folder, name):
        listing = scan_photo_folder(write_folder({**self.FILES, name: self.TABLE})).listing
        assert listing["photo_id"].tolist() == ["train/0.jpg", "train/1.jpg"]
        assert listing["class_name"].tolist() == [SONATA, K5]

    def test_is_not_used_on_its_own_beside_class_folders(self, write_folder):
        folder = scan_photo_folder(write_folder({**TRAIN, "train_df.csv": self.TABLE}))
        assert folder.listing["photo_id"].tolist() == list(TRAIN)

    def test_replaces_class_folders_where_it_is_named(self, write_folder):
        table = "path,class\n" + "".join(f"{path},같은차\n" for path in TRAIN)
        root = write_folder({**TRAIN, "tables/mine.csv": table})
        assert scan_photo_folder(root, "tables/mine.csv").class_names == ("같은차",)

    def test_a_missing_photo_keeps_its_row(self, write_folder):
        table = {"train_df.csv": self.TABLE + f"train/2.jpg,{K5}\n"}
        listing = scan_photo_folder(write_folder({**self.FILES, **table})).listing
        assert listing["found"].tolist() == [True, True, False]

    def test_photos_that_it_does_not_list_are_named(self, write_folder):
        files = {**self.FILES, "train_df.csv": self.TABLE, "train/extra.jpg": b""}
        assert "train/extra.jpg" in scan_photo_folder(write_folder(files)).warnings[0]

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ("path,label\ntrain/0.jpg,K5\ntrain/1.jpg, \n", "no class in row 3"),
            ("path,label\ntrain/0.jpg,K5\n./train/0.jpg,K5\n", "'train/0.jpg' twice"),
            ("path,name\ntrain/0.jpg,K5\n", "no column 'label' or 'class' or 'class_name'"),
            ("path,label\n0.jpg,K5\n", "None of the 1 photos"),
        ],
    )
    def test_a_bad_table_is_named_with_its_fault(self, write_folder, table, message):
        text = refused(write_folder({**self.FILES, "train_df.csv": table}))
        assert "train_df.csv" in text
        assert message in text

    def test_a_table_that_does_not_exist_is_named(self, write_folder):
        assert "There is no" in refused(write_folder(TRAIN), train_table="없음.csv")


class TestGroups:
    def test_come_from_the_train_table(self, write_folder):
        table = "path,label,listing\ntrain/0.jpg,K5,매물 1\ntrain/1.jpg,K5,\n"
        root = write_folder({**TestTrainTable.FILES, "train_df.csv": table})
        groups = scan_photo_folder(root, group_column="listing").listing["group"]
        assert groups[0] == "매물 1"
        assert groups.isna().tolist() == [False, True]

    @pytest.mark.parametrize("key", ["photo_id", "path"])
    def test_come_from_a_table_of_their_own(self, write_folder, key):
        table = {"groups.csv": f"{key},vehicle\n./train/{K5}/a.jpg,001\n"}
        listing = scan_photo_folder(
            write_folder({**TRAIN, **table}), group_column="vehicle"
        ).listing
        assert listing["group"].dropna().tolist() == ["001"]
        assert listing.loc[0, "group"] == "001"

    def test_photos_that_do_not_exist_are_named(self, write_folder):
        table = {"groups.csv": "photo_id,vehicle\ntrain/x.jpg,1\n"}
        folder = scan_photo_folder(write_folder({**TRAIN, **table}), group_column="vehicle")
        assert "train/x.jpg" in folder.warnings[0]
        assert folder.listing["group"].isna().all()

    def test_a_column_that_no_table_has_is_refused(self, write_folder):
        root = write_folder({**TRAIN, "groups.csv": "photo_id,vehicle\n"})
        message = refused(root, group_column="listing")
        assert "'listing'" in message
        assert "groups.csv" in message
