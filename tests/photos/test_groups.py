import unicodedata
from io import BytesIO

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from chajong.photos.folder import scan_photo_folder
from chajong.photos.groups import GroupSettings, given_groups
from chajong.photos.raw_tables import Notes, RawDataError

K5, K7 = "K5_2019", "쏘나타_2019"


def photo(taken: str | None = None, model: str | None = "X100", **tags: str) -> bytes:
    exif = Image.Exif()
    if model:
        exif[0x0110] = model
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    for tag, value in tags.items():
        exif[int(tag[1:], 16)] = value
    file = BytesIO()
    Image.new("RGB", (4, 4)).save(file, "JPEG", exif=exif)
    return file.getvalue()


@pytest.fixture
def groups_of(write_folder):
    """The groups of train photos by their file names."""

    def groups(files, **settings):
        folder = scan_photo_folder(write_folder(files), groups=GroupSettings(**settings))
        train = folder.listing[folder.listing["split"] == "train"]
        names = [path.split("/", 2)[2] for path in train["photo_id"]]
        return dict(zip(names, train["group"].fillna(""), strict=True)), folder

    return groups


def refused(groups_of, files, **settings) -> str:
    with pytest.raises(RawDataError) as error:
        groups_of(files, **settings)
    return str(error.value)


def named(*names: str, test: str = "") -> dict[str, bytes]:
    files = {f"train/{name}": photo() for name in names}
    return files | ({f"test/{test}": photo()} if test else {})


class TestPattern:
    FILES = named(
        f"{K5}/listing_12_a.jpg", f"{K5}/listing_12_b.jpg", f"{K7}/listing_3_a.jpg", f"{K7}/x.jpg",
        test="listing_12_c.jpg",
    )  # fmt: skip

    def test_what_the_brackets_match_is_the_group(self, groups_of):
        groups, folder = groups_of(self.FILES, pattern=r"listing_(\d+)_")
        assert list(groups.values()) == ["12", "12", "3", ""]
        assert "does not match, which are in no group by it: 1 ('x.jpg')" in folder.warnings[0]
        assert folder.listing["group"].isna().iloc[-1]
        assert folder.layout.endswith("vehicles or listings with several photos: 1")

    def test_several_brackets_count_together(self, groups_of):
        groups, _ = groups_of(self.FILES, pattern=r"(listing)_(\d+)_(b)?")
        assert list(groups.values()) == ["listing 12", "listing 12 b", "listing 3", ""]

    def test_only_the_name_of_the_file_counts(self, groups_of):
        groups, _ = groups_of(self.FILES, pattern=r"^\D*(\d+)")
        assert list(groups.values()) == ["12", "12", "3", ""]

    def test_a_pattern_with_a_slash_is_searched_in_the_whole_path(self, groups_of):
        files = named(f"{K5}/1_a.jpg", f"{K5}/1_b.jpg", f"{K7}/1_c.jpg", f"{K7}/2_d.jpg")
        groups, folder = groups_of(files, pattern=r"([^/]+/\d+)_\w\.")
        assert list(groups.values()) == [f"{K5}/1", f"{K5}/1", f"{K7}/1", f"{K7}/2"]
        assert not folder.warnings

    def test_numbers_that_start_anew_in_each_class_are_told(self, groups_of):
        files = named(f"{K5}/1_a.jpg", f"{K7}/1_a.jpg", f"{K7}/2_a.jpg")
        _, folder = groups_of(files, pattern=r"(\d+)_")
        assert "with photos of several classes: 1 ('1')" in folder.warnings[0]

    @pytest.mark.parametrize("form", ["NFC", "NFD"])
    @pytest.mark.parametrize("pattern_form", ["NFC", "NFD"])
    def test_korean_in_any_form(self, groups_of, form, pattern_form):
        files = named(f"{K5}/매물7_1.jpg", f"{K7}/매물8_1.jpg")
        files = {unicodedata.normalize(form, name): data for name, data in files.items()}
        pattern = unicodedata.normalize(pattern_form, r"매물(\d)_")
        assert list(groups_of(files, pattern=pattern)[0].values()) == ["7", "8"]

    @pytest.mark.parametrize(
        ("pattern", "fault"),
        [
            ("listing_(", "no regular expression (missing ), unterminated subpattern"),
            (r"listing_\d+_", "has no group: put what names the vehicle or listing into brackets"),
            (12, "group_pattern is '12', which has no group"),
            (r"lot_(\d+)", "none of the 4 file names of train photos matches, for example"),
            (r"/lot_(\d+)/", "none of the 4 paths of train photos matches"),
        ],
    )
    def test_a_bad_pattern_is_named_with_its_fault(self, groups_of, pattern, fault):
        message = refused(groups_of, self.FILES, pattern=pattern)
        assert f"group_pattern is {str(pattern)!r}" in message
        assert fault in message


class TestMinutes:
    def test_photos_of_one_camera_that_follow_closely_are_one_group(self, groups_of):
        files = {
            f"train/{K5}/a.jpg": photo("2024:05:01 10:00:00"),
            f"train/{K5}/b.jpg": photo("2024:05:01 10:02:00"),
            f"train/{K5}/c.jpg": photo("2024:05:01 10:04:00"),
            f"train/{K5}/d.jpg": photo("2024:05:01 10:06:01"),
            f"train/{K7}/other.jpg": photo("2024:05:01 10:01:00", "Y200"),
            f"train/{K7}/none.jpg": photo(),
        }
        groups, folder = groups_of(files, minutes=2)
        assert groups["a.jpg"] == groups["b.jpg"] == groups["c.jpg"] == "X100 2024-05-01 10:00:00"
        assert len({groups["a.jpg"], groups["d.jpg"], groups["other.jpg"], groups["none.jpg"]}) == 4
        assert groups["none.jpg"] == ""
        assert "without camera and time in their EXIF data" in folder.warnings[0]
        assert f"1 ('train/{K7}/none.jpg')" in folder.warnings[0]

    @pytest.mark.parametrize(
        ("damage", "model"),
        [
            (lambda data: data, None),
            (lambda data: data.replace(b"2024:05", b"0000:00"), "X100"),
            (lambda data: data[:40], "X100"),
            (lambda data: b"", "X100"),
        ],
    )
    def test_a_photo_that_does_not_say_is_in_no_group(self, groups_of, damage, model):
        taken = "2024:05:01 10:00:00"
        files = {
            f"train/{K5}/a.jpg": photo(taken),
            f"train/{K7}/b.jpg": damage(photo(taken, model)),
        }
        groups, _ = groups_of(files, minutes=1)
        assert bool(groups["a.jpg"])
        assert groups["b.jpg"] == ""

    def test_serial_numbers_tell_cameras_of_one_model_apart(self, groups_of):
        taken = "2024:05:01 10:00:00"
        files = {
            f"train/{K5}/a.jpg": photo(taken, _a431="1"),
            f"train/{K7}/b.jpg": photo(taken, _a431="2"),
        }
        groups, _ = groups_of(files, minutes=1)
        assert groups["a.jpg"] != groups["b.jpg"]

    def test_the_time_in_a_png_is_found_behind_its_pixels(self, groups_of, encode):
        exif = Image.Exif()
        exif[0x0110], exif[0x0132] = "X100", "2024:05:01 10:00:00"
        noise = Image.effect_noise((800, 600), 90)
        files = {
            f"train/{K5}/a.png": encode(noise, "PNG", exif=exif),
            f"train/{K7}/b.jpg": photo("2024:05:01 10:00:30"),
        }
        groups, _ = groups_of(files, minutes=1)
        assert groups["a.png"] == groups["b.jpg"]

    def test_photos_that_say_nothing_are_refused(self, groups_of):
        message = refused(groups_of, named(f"{K5}/a.jpg", f"{K7}/b.jpg"), minutes=2)
        assert "group_minutes is 2, and none of the 2 train photos says when" in message

    @pytest.mark.parametrize("minutes", [0, -1, float("nan"), "two", True])
    def test_what_is_no_time_is_refused(self, groups_of, minutes):
        message = refused(groups_of, named(f"{K5}/a.jpg", f"{K7}/b.jpg"), minutes=minutes)
        assert f"group_minutes is {minutes!r}: give a number of minutes" in message


def test_groups_of_all_kinds_are_joined_through_chains(groups_of):
    files = {
        f"train/{K5}/l1_a.jpg": photo("2024:05:01 10:00:00"),
        f"train/{K5}/l1_b.jpg": photo(),
        f"train/{K7}/x.jpg": photo("2024:05:01 10:00:30"),
        f"train/{K7}/y.jpg": photo(),
        f"train/{K7}/z.jpg": photo(),
        "groups.csv": f"path,car\ntrain/{K7}/x.jpg,1\ntrain/{K7}/y.jpg,1\n",
    }
    groups, _ = groups_of(files, column="car", pattern=r"l(\d)_", minutes=1)
    assert groups["z.jpg"] == ""
    del groups["z.jpg"]
    assert len(set(groups.values())) == 1


@given(st.lists(st.sampled_from("abc"), min_size=1), st.sampled_from(["(a|b)", "([abc])"]))
def test_one_name_is_one_group_and_no_name_none(tmp_path_factory, letters, pattern):
    names = [f"train/{K5}/{letter}{row}.jpg" for row, letter in enumerate([*letters, "a"])]
    listing = pd.DataFrame(
        {"photo_id": names, "path": names, "split": "train", "class_name": K5, "found": False}
    )
    settings = GroupSettings(pattern=pattern)
    groups = given_groups(tmp_path_factory.getbasetemp(), listing, None, settings, Notes())
    expected = [letter if letter in pattern else "" for letter in [*letters, "a"]]
    assert groups.fillna("").tolist() == expected
