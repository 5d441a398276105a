import sys

import pytest
from PIL import Image

from chajong.names.challenge import challenge_names
from tools.rendered_cars.__main__ import main
from tools.rendered_cars.sample_names import sample_names


@pytest.fixture
def render(tmp_path, monkeypatch):
    """Run the command line, small; give the folder."""

    def run(*arguments):
        small = ["--train-photos", "2", "--test-photos", "1", "--width", "48", "--height", "30"]
        monkeypatch.setattr(sys, "argv", ["rendered_cars", str(tmp_path), *small, *arguments])
        main()
        return tmp_path

    return run


def models_in(folder):
    return {path.name for path in (folder / "train").iterdir()}


def test_as_many_models_and_photos_as_asked_for_of_the_size_asked_for(render):
    folder = render("--models", "3")
    assert models_in(folder) == set(sample_names(3))
    files = sorted(folder.rglob("*.jpg"))
    assert len(files) == 3 * 2 + 3 * 1
    for file in files:
        with Image.open(file) as photo:
            assert photo.size == (48, 30)


def test_names_can_be_the_challenges(render):
    assert models_in(render("--models", "2", "--names", "challenge")) == set(challenge_names()[:2])


def test_unseen_names_are_not_the_samples(render):
    assert not models_in(render("--models", "4", "--names", "unseen")) & set(sample_names(24))


def test_more_names_than_there_are_end_with_how_many_there_are(render, tmp_path, capsys):
    with pytest.raises(SystemExit):
        render("--names", "challenge", "--models", "397")
    assert "there are 396 such names, not 397: lower --models" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
