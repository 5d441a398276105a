"""Names that lead out of a folder, and links in it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chajong.inside import OutsideError, inside, refuse_links

PARTS = st.lists(st.sampled_from(["..", ".", "차", "a b", "", "\\", "/", "C:"]), max_size=6)


@given(PARTS, st.sampled_from("/\\"))
def test_no_name_leads_out(parts, separator):
    folder = Path("/models/차종")
    try:
        path = inside(folder, separator.join(parts))
    except OutsideError:
        return
    assert folder in path.resolve().parents


@pytest.mark.parametrize(
    "name", ["..", "../x", "a/../../x", "/etc/passwd", "C:\\x", "\\\\server\\x", "a\\..\\..\\x", ""]
)
def test_a_name_that_leads_out_is_refused(name):
    with pytest.raises(OutsideError, match="leads out of the folder"):
        inside(Path("/models"), name)


def test_links_are_refused_wherever_they_are(tmp_path):
    (tmp_path / "속").mkdir()
    (tmp_path / "속" / "file").write_text("")
    refuse_links(tmp_path)
    (tmp_path / "속" / "link").symlink_to("file")
    with pytest.raises(OutsideError, match=r"link is a link to file.*put the file itself"):
        refuse_links(tmp_path)
