import os
from pathlib import Path
from unicodedata import normalize

import pytest

from chajong.inference.answers import PHOTO_COLUMNS
from chajong.photos.folder import RESERVED_NAMES, RawDataError, scan_photo_folder
from chajong.predictions.contract import ROW_COLUMNS
from chajong.predictions.submission import ID_COLUMN

K5, SONATA = "K5_3세대_2020_2022", "쏘나타_2019"
TRAIN = {f"train/{K5}/a.jpg": b"", f"train/{SONATA}/b.jpg": b""}
TEST = {"test/TEST_0.jpg": b"", "test/TEST_1.jpg": b""}
TEST_TABLE = {"test.csv": "ID,img_path\nTEST_1,./test/TEST_1.jpg\nTEST_0,./test/TEST_0.jpg\n"}
SUBMISSION = {"sample_submission.csv": f"ID,{SONATA},{K5}\nTEST_1,0.5,0.5\nTEST_0,0.5,0.5\n"}


def refused(root: Path, **options: str) -> str:
    with pytest.raises(RawDataError) as error:
        scan_photo_folder(root, **options)
    return str(error.value)


def test_a_test_photo_with_the_id_of_a_train_photo_is_refused(write_folder):
    photo = next(iter(TRAIN))
    table = {"test.csv": f"ID,img_path\n{photo},test/TEST_0.jpg\n"}
    assert photo in refused(write_folder({**TRAIN, **TEST, **table}))


class TestTrainFolders:
    def test_train_alone_is_enough(self, write_folder):
        folder = scan_photo_folder(write_folder(TRAIN))
        assert folder.listing.to_dict("list")["photo_id"] == list(TRAIN)
        assert folder.listing["class_name"].tolist() == [K5, SONATA]
        assert folder.class_names == (K5, SONATA)
        assert folder.submission_ids == ()
        assert folder.warnings == ()

    def test_every_photo_format_counts_and_other_files_are_named(self, write_folder):
        names = ["a.JPG", "b.jpeg", "c.png", "d.webp", "e.bmp", "f.jfif", "g.JPE", "h.HEIC"]
        others = ["notes.txt", "BMW.txt", "._a.jpg"]
        files = {f"train/{K5}/{name}": b"" for name in [*names, *others]}
        folder = scan_photo_folder(write_folder({**TRAIN, **files, f"train/{K5}/BMW.txt": "BMW 3"}))
        found = [Path(path).name for path in folder.listing["path"]]
        assert found == ["a.JPG", "a.jpg", *names[1:], "b.jpg"]
        assert folder.left_out == (
            f"files in train/ that are no photos: 2 ('train/{K5}/BMW.txt', "
            f"'train/{K5}/notes.txt').",
            f"hidden and system files and folders in train/: 1 ('train/{K5}/._a.jpg').",
        )

    @pytest.mark.parametrize(
        "form", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "JPEG2000"]
    )
    def test_a_photo_is_known_by_how_it_begins(self, write_folder, make_picture, encode, form):
        photo = encode(make_picture(), form)
        files = {f"train/{K5}/of any ending.xyz": photo, f"train/{K5}/of none": photo}
        folder = scan_photo_folder(write_folder({**TRAIN, **files}))
        assert set(files) <= set(folder.listing["photo_id"])
        assert folder.left_out == ()

    def test_photos_outside_class_folders_are_named(self, write_folder):
        files = {**TRAIN, "train/loose.jpg": b"", f"train/{K5}/deeper/c.jpg": b""}
        folder = scan_photo_folder(write_folder(files))
        assert len(folder.listing) == 2
        assert folder.left_out == (
            "photos in train/ that are in no class folder: 1 ('train/loose.jpg').",
            f"photos deeper than their class folder: 1 ('train/{K5}/deeper/c.jpg'); put them "
            "directly into train/<class>/ to use them.",
        )

    def test_an_empty_class_folder_is_named(self, write_folder):
        root = write_folder({**TRAIN, "train/속/깊이/x.jpg": b""})
        (root / "train" / "빈_클래스").mkdir()
        folder = scan_photo_folder(root)
        assert folder.class_names == (K5, SONATA)
        assert folder.left_out[1] == (
            "folders in train/ without photos of their own, which give no class: 2 "
            "('train/빈_클래스', 'train/속')."
        )

    @pytest.mark.parametrize(
        "left",
        ["__MACOSX/._a.jpg", f"{K5}/@eaDir/a.jpg/S.jpg", "lost+found/a.jpg", f"{K5}/Thumbs.db",
         ".DS_Store", f"{K5}/.ipynb_checkpoints/a.jpg", "$RECYCLE.BIN/a.jpg"],
    )  # fmt: skip
    def test_what_systems_leave_is_no_class(self, write_folder, left):
        folder = scan_photo_folder(write_folder({**TRAIN, f"train/{left}": b"\xff\xd8\xff"}))
        assert folder.class_names == (K5, SONATA)
        assert folder.listing["photo_id"].tolist() == list(TRAIN)
        (left_out,) = folder.left_out
        assert left_out.startswith("hidden and system files and folders in train/: 1 (")
        assert folder.warnings == ()

    def test_one_class_is_refused(self, write_folder):
        message = refused(write_folder({"train/images/a.jpg": b"", "train/images/b.jpg": b""}))
        assert "one class only, 'images'" in message
        assert "train_df.csv" in message

    @pytest.mark.parametrize("name", ["ID", "fold", "status", "photo", "vehicle", "reason"])
    def test_a_class_that_is_named_like_another_column_is_refused(self, write_folder, name):
        message = refused(write_folder({**TRAIN, f"train/{name}/a.jpg": b""}))
        assert f"has a class {name!r}" in message
        assert "Rename the class" in message

    def test_reserved_names_are_the_columns_of_tables(self):
        assert {*ROW_COLUMNS, *PHOTO_COLUMNS, ID_COLUMN} == RESERVED_NAMES

    def test_control_characters_of_names_are_written_out(self, write_folder):
        path = f"train/{K5}/\x1b[31ma.jpg"
        folder = scan_photo_folder(write_folder({**TRAIN, path: b"red"}))
        row = folder.listing.iloc[0]
        assert row["photo_id"] == f"train/{K5}/\\x1b[31ma.jpg"
        assert folder.read(row["path"]) == b"red"

    def test_names_that_are_no_utf8_are_named(self, write_folder):
        root = write_folder(TRAIN)
        name = os.fsdecode(os.fsencode(root / "train" / K5) + "/차.jpg".encode("cp949"))
        Path(name).write_bytes(b"")
        message = refused(root)
        assert "1 photos in" in message
        assert "not in UTF-8" in message
        assert "\\udcc2" in message
        assert "convmv" in message

    def test_folders_beside_are_named(self, write_folder):
        files = dict.fromkeys(["val/a/1.jpg", "test/1.jpg", ".git/x", "__MACOSX/x"], b"")
        folder = scan_photo_folder(write_folder({**TRAIN, **files, "notes.txt": "mine"}))
        assert folder.left_out == (
            "folders beside train/ and test/ that are not looked into: 1 ('val').",
        )


class TestFoldersInFolders:
    MODELS = ("train/기아/K5/a.jpg", "train/기아/K7/a.jpg", "train/현대/쏘나타/a.jpg")

    def test_the_innermost_folders_are_the_classes(self, write_folder):
        folder = scan_photo_folder(
            write_folder({**dict.fromkeys(self.MODELS, b""), "train/기아/K7/x/b.jpg": b""})
        )
        assert folder.class_names == ("K5", "K7", "쏘나타")
        assert folder.listing["photo_id"].tolist() == list(self.MODELS)
        (warning,) = folder.warnings
        assert "the 3 innermost ones, such as 'train/기아/K5', are taken as the classes" in warning
        assert "To have outer ones as classes ('기아', '현대')" in warning
        (left_out,) = folder.left_out
        assert "deeper than their class folder: 1 ('train/기아/K7/x/b.jpg')" in left_out

    def test_the_submission_decides(self, write_folder):
        submission = {"sample_submission.csv": "ID,기아,현대\n"}
        folder = scan_photo_folder(write_folder({**dict.fromkeys(self.MODELS, b""), **submission}))
        assert folder.listing["class_name"].tolist() == ["기아", "기아", "현대"]
        assert "names the outer folders" in folder.warnings[0]

    def test_names_that_repeat_are_refused(self, write_folder):
        files = [f"train/{car}/{side}/a.jpg" for car in (K5, SONATA) for side in ("앞", "뒤")]
        message = refused(write_folder(dict.fromkeys(files, b"")))
        assert f"'train/{K5}/뒤', 'train/{SONATA}/뒤' have one name" in message


class TestLinks:
    def test_a_circle_is_no_photo(self, write_folder):
        root = write_folder({**TRAIN, **TEST})
        for place, target in (("train/round", "."), (f"train/{K5}/up", "../.."), ("test/me", "me")):
            (root / place).symlink_to(target)
        folder = scan_photo_folder(root)
        assert folder.listing["photo_id"].tolist() == [*TRAIN, "TEST_0", "TEST_1"]
        assert (
            f"links in train/ to folders that are listed already: 2 ('train/{K5}/up', "
            "'train/round')."
        ) in folder.left_out

    def test_a_class_may_be_elsewhere(self, write_folder, tmp_path):
        root = write_folder(TRAIN)
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "a.jpg").write_bytes(b"")
        (root / "train" / "BMW").symlink_to(tmp_path / "elsewhere")
        folder = scan_photo_folder(root)
        assert folder.class_names == ("BMW", K5, SONATA)

    def test_folders_that_link_to_one_another_end(self, write_folder):
        names = [f"{number:02}" for number in range(12)]
        root = write_folder({f"train/{name}/a.jpg": b"" for name in names})
        for one in names:
            for other in names:
                (root / "train" / one / f"to {other}").symlink_to(root / "train" / other)
        assert len(scan_photo_folder(root).listing) == len(names)

    def test_a_pipe_is_not_waited_for(self, write_folder):
        root = write_folder(TRAIN)
        os.mkfifo(root / "train" / K5 / "pipe")
        assert "'train/K5_3세대_2020_2022/pipe'" in scan_photo_folder(root).left_out[0]


class TestNames:
    def test_names_are_composed_and_paths_stay_as_on_the_disk(self, write_folder):
        decomposed = normalize("NFD", f"train/{SONATA}/사진.jpg")
        folder = scan_photo_folder(write_folder({**TRAIN, decomposed: b"photo"}))
        row = folder.listing.iloc[-1]
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
        (left_out,) = scan_photo_folder(write_folder(files)).left_out
        assert left_out == "photos in test/ that test.csv does not list: 1 ('test/extra.jpg')."

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ("ID,img_path\nA,test/TEST_0.jpg\nA,test/TEST_1.jpg\n", "lists the ID 'A' twice"),
            ("ID,file\nA,test/TEST_0.jpg\n", "no column 'img_path' or 'path', only 'ID', 'file'"),
            ("ID,img_path\nA,../secret.jpg\n", "None of the 1 photos"),
            ("ID,img_path\nA,open/test/none.jpg\n", "'open/test/none.jpg': its paths must be"),
            ("ID,img_path\nA,\n", "''"),
            ("ID,img_path\nA\x1b[2J,test/TEST_0.jpg\n", "control characters in row 2"),
            ("ID,img_path\n,test/TEST_0.jpg\n", "no ID in row 2"),
            ("", "is empty"),
            ("ID,img_path\n", "lists no photo"),
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
        assert "'test/TEST_0.jpg' and 'test/TEST_0.png'" in message

    @pytest.mark.parametrize(
        "path",
        ["open/test/{}.jpg", "test/{}.JPG", "TEST/{}.jpg", "test/{}", "test/{}.jpeg", "{}.jpg",
         "/content/drive/MyDrive/test/{}.jpg", "../data/test/{}.jpg", "C:\\cars\\test\\{}.jpg",
         "images/{}", ".\\test\\{}.Jpg"],
    )  # fmt: skip
    def test_paths_of_other_machines_are_found(self, write_folder, path):
        rows = "".join(f"TEST_{each},{path.format(f'TEST_{each}')}\n" for each in (1, 0))
        folder = scan_photo_folder(
            write_folder({**TRAIN, **TEST, "test.csv": f"ID,img_path\n{rows}"})
        )
        test = folder.listing[folder.listing["split"] == "test"]
        assert test["path"].tolist() == ["test/TEST_1.jpg", "test/TEST_0.jpg"]
        assert test["found"].all()
        (warning,) = folder.warnings
        assert warning.startswith(
            "paths of test.csv that are not as on the disk and were found by their ends: 2 ("
        )

    def test_names_in_two_unicode_forms_are_two_files(self, write_folder):
        files = {f"test/{normalize(form, '차')}.jpg": b"" for form in ("NFC", "NFD")}
        message = refused(
            write_folder({**TRAIN, **files, "test.csv": "ID,img_path\nA,test/차.jpg\n"})
        )
        assert "'test/차.jpg', which may be" in message

    def test_a_path_that_may_be_several_is_refused(self, write_folder):
        files = {"test/a/1.jpg": b"", "test/b/1.jpg": b"", "test.csv": "ID,img_path\nA,1.jpg\n"}
        message = refused(write_folder({**TRAIN, **files}))
        assert "'1.jpg', which may be 'test/a/1.jpg', 'test/b/1.jpg'" in message

    def test_folders_in_test_are_said_to_label_nothing(self, write_folder):
        folder = scan_photo_folder(write_folder({**TRAIN, f"test/{K5}/1.jpg": b""}))
        assert folder.submission_ids == ("1",)
        (warning,) = folder.warnings
        assert f"photos in folders in test/: 1 ('test/{K5}/1.jpg')" in warning
        assert "into train/" in warning

    def test_rows_without_any_value_are_left_out(self, write_folder):
        table = {"test.csv": TEST_TABLE["test.csv"] + ",\n , \n"}
        folder = scan_photo_folder(write_folder({**TRAIN, **TEST, **table}))
        assert folder.submission_ids == ("TEST_1", "TEST_0")


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

    @pytest.mark.parametrize("change", ["index", "named index", "comma"])
    def test_columns_without_a_name_are_no_class(self, write_folder, change):
        lines = SUBMISSION["sample_submission.csv"].splitlines()
        numbers = [{"named index": "Unnamed: 0"}.get(change, ""), "0", "1"]
        lines = [
            f"{line}," if change == "comma" else f"{number},{line}"
            for number, line in zip(numbers, lines, strict=True)
        ]
        submission = {"sample_submission.csv": "\n".join(lines)}
        folder = scan_photo_folder(write_folder({**TRAIN, **TEST, **submission}))
        assert folder.class_names == (SONATA, K5)
        assert folder.submission_ids == ("TEST_1", "TEST_0")
        assert "without a name, taken for no class: 1 (" in folder.warnings[0]

    def test_a_table_with_semicolons_is_named(self, write_folder):
        table = {"sample_submission.csv": f"ID;{SONATA};{K5}\n"}
        message = refused(write_folder({**TRAIN, **TEST, **table}))
        assert f"no column 'ID', only 'ID;{SONATA};{K5}'" in message

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

    def test_is_not_used_where_it_names_nothing(self, write_folder):
        folder = scan_photo_folder(write_folder({**TRAIN, "train_df.csv": self.TABLE}))
        assert folder.listing["photo_id"].tolist() == list(TRAIN)
        (warning,) = folder.warnings
        assert warning.startswith("train_df.csv is not used. None of the 2 photos")

    @pytest.mark.parametrize("folders", [("images",), ("part_1", "part_2"), ("a/b", "a/c")])
    @pytest.mark.parametrize("stray", [[], ["train/__MACOSX/._0.jpg"], ["train/lost+found/x"]])
    def test_labels_photos_in_folders_that_are_no_classes(self, write_folder, folders, stray):
        paths = [f"train/{folder}/{each}.jpg" for folder in folders for each in range(4)]
        labels = {path: (K5, SONATA)[each % 2] for each, path in enumerate(paths)}
        table = "path,label\n" + "".join(f"{path},{label}\n" for path, label in labels.items())
        files = dict.fromkeys([*paths, *stray], b"")
        folder = scan_photo_folder(write_folder({**files, "train.csv": table}))
        rows = folder.listing
        assert dict(zip(rows["photo_id"], rows["class_name"], strict=True)) == labels
        assert "labelled by train.csv" in folder.layout
        if len(folders) > 1:
            assert "take it away to have the 2 folders as classes" in folder.warnings[0]

    def test_a_table_that_agrees_changes_nothing(self, write_folder):
        table = f"path,label\ntrain/{K5}/a.jpg,{K5}\ntrain/{SONATA}/b.jpg,{SONATA}\n"
        folder = scan_photo_folder(write_folder({**TRAIN, "train.csv": table}))
        assert folder.layout.startswith("train photos labelled by 2 folders")
        assert folder.warnings == ()
        more = {**TRAIN, f"train/{K5}/c.jpg": b"", "train.csv": table}
        folder = scan_photo_folder(write_folder(more))
        assert len(folder.listing) == 3
        assert "it lists 2 photos, and 3 are used" in folder.warnings[0]
        assert "--params train_table=train.csv" in folder.warnings[0]

    def test_the_submission_decides_between_tables_and_folders(self, write_folder):
        table = f"path,label\ntrain/{K5}/a.jpg,0\ntrain/{SONATA}/b.jpg,1\n"
        files = {**TRAIN, **TEST, "train.csv": table}
        assert scan_photo_folder(write_folder(files)).class_names == ("0", "1")
        folder = scan_photo_folder(write_folder({**files, **SUBMISSION}))
        assert folder.class_names == (SONATA, K5)

    def test_the_second_table_is_used_where_the_first_is_none(self, write_folder):
        tables = {"train_df.csv": "ID,img_path\n0,train/0.jpg\n", "Train.CSV": self.TABLE}
        folder = scan_photo_folder(write_folder({**self.FILES, **tables}))
        assert folder.listing["class_name"].tolist() == [SONATA, K5]
        assert folder.warnings[0].startswith("train_df.csv is not used. ")

    def test_a_second_table_is_named(self, write_folder):
        other = self.TABLE.replace(K5, "다른_차")
        folder = scan_photo_folder(
            write_folder({**self.FILES, "train_df.csv": self.TABLE, "train.csv": other})
        )
        assert folder.class_names == (K5, SONATA)
        (warning,) = folder.warnings
        assert "train.csv is not used, train_df.csv" in warning
        assert "photos that differ: 1, such as 'train/1.jpg': '다른_차', not" in warning

    def test_replaces_class_folders_where_it_is_named(self, write_folder):
        table = "path,class\n" + "".join(f"{path},차 {n}\n" for n, path in enumerate(TRAIN))
        root = write_folder({**TRAIN, "tables/mine.csv": table})
        assert scan_photo_folder(root, "tables/mine.csv").class_names == ("차 0", "차 1")

    def test_a_missing_photo_keeps_its_row(self, write_folder):
        table = {"train_df.csv": self.TABLE + f"train/2.jpg,{K5}\n"}
        listing = scan_photo_folder(write_folder({**self.FILES, **table})).listing
        assert listing["found"].tolist() == [True, True, False]

    def test_photos_that_it_does_not_list_are_named(self, write_folder):
        files = {**self.FILES, "train_df.csv": self.TABLE, "train/extra.jpg": b""}
        (left_out,) = scan_photo_folder(write_folder(files)).left_out
        assert "train_df.csv does not list: 1 ('train/extra.jpg')" in left_out

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ("path,label\ntrain/0.jpg,K5\ntrain/1.jpg, \n", "no class in row 3"),
            ("path,label\ntrain/0.jpg,K5\n./train/0.jpg,K5\n", "'train/0.jpg' twice"),
            ("path,name\ntrain/0.jpg,K5\n", "no column 'label' or 'class' or 'class_name'"),
            ("path,label\ntrain/x.jpg,K5\n", "None of the 1 photos"),
            ("path,label\ntrain/0.jpg,K5\ntrain/1.jpg,K5\n", "names one class only, 'K5'"),
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
        table = "path,label,listing\ntrain/0.jpg,K5,매물 1\ntrain/1.jpg,K7,\n"
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
        table = {"groups.csv": f"photo_id,vehicle\ntrain/x.jpg,1\ntrain/{K5}/a.jpg,2\n"}
        folder = scan_photo_folder(write_folder({**TRAIN, **table}), group_column="vehicle")
        assert "do not exist: 1 ('train/x.jpg')" in folder.left_out[0]
        assert folder.listing["group"].dropna().tolist() == ["2"]

    def test_a_table_without_any_photo_is_refused(self, write_folder):
        table = {"groups.csv": "photo_id,vehicle\ntrain/x.jpg,1\n"}
        message = refused(write_folder({**TRAIN, **table}), group_column="vehicle")
        assert "None of the 1 photos that" in message

    @pytest.mark.parametrize("path", ["C:\\cars\\train\\{}\\a.JPG", "{}/a.jpg", "/data/{}/a"])
    def test_paths_of_other_machines_are_found(self, write_folder, path):
        table = {"groups.csv": f"path,vehicle\n{path.format(K5)},1\n"}
        folder = scan_photo_folder(write_folder({**TRAIN, **table}), group_column="vehicle")
        assert folder.listing["group"].fillna("").tolist() == ["1", ""]

    def test_a_column_that_no_table_has_is_refused(self, write_folder):
        root = write_folder({**TRAIN, "groups.csv": "photo_id,vehicle\n"})
        message = refused(root, group_column="listing")
        assert "'listing'" in message
        assert "groups.csv" in message
