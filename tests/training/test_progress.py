from chajong.training import progress
from chajong.training.progress import following_bar, note_photos_seen, photos_seen


def test_a_training_tells_how_many_photos_it_has_seen(tmp_path):
    assert photos_seen(tmp_path) == 0
    for count in (16, 32):
        note_photos_seen(tmp_path, count)
        assert photos_seen(tmp_path) == count


def test_a_bar_follows_what_others_do_and_ends_where_they_ended(monkeypatch, capsys):
    monkeypatch.setattr(progress, "LOOKED_AT_EVERY", 0.01)
    counts = iter([8, *range(16, 10_000, 8)])
    last = 0

    def count():
        nonlocal last
        last = next(counts) if last < 64 else 64
        return last

    with following_bar("차종", 64, count):
        while last < 64:
            pass
    shown = capsys.readouterr().err
    assert "차종" in shown
    assert "64/64" in shown
