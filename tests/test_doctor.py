"""What `chajong doctor` says of a machine and of a folder."""

from types import SimpleNamespace

import pandas as pd
import pytest
from click.testing import CliRunner

from chajong import doctor
from chajong.command_line import main


def told(*arguments):
    answer = CliRunner().invoke(main, ["doctor", *map(str, arguments)])
    assert answer.exit_code == 0, answer.output
    body, _, command = answer.output.partition("\nType next:\n")
    return body, command.strip()


def test_without_photos_the_machine_alone_is_looked_at():
    body, command = told()
    for label in ("packages", "extras", "computes on", "memory", "font", "hub"):
        assert f"\n  {label} " in body
    assert "switched off by HF_HUB_OFFLINE" in body
    assert command == "chajong doctor path/to/photos"


@pytest.mark.slow
def test_a_folder_is_looked_at_and_the_command_names_it(tmp_path):
    raw = tmp_path / "내 사진"
    for name, count in (("아반떼", 6), ("K5", 2)):
        (raw / "train" / name).mkdir(parents=True)
        for number in range(count):
            (raw / "train" / name / f"{number}.jpg").touch()
    (raw / "train" / "note.txt").touch()
    body, command = told(raw, "--env", "quick")
    assert "8 of 2 classes, 0 to predict" in body
    assert "1 classes have fewer than 5, such as K5" in body
    assert "files in train/ that are no photos: 1" in body
    assert "hog          about 1 min to see all photos (a guess" in body
    assert "clip_frozen: The published model" in body
    places = f"raw_dir={raw},data_dir={raw}_results"
    assert command == f"kedro run --env quick --params '{places}'"
    assert not (tmp_path / "내 사진_results").exists()


@pytest.mark.slow
def test_what_is_wrong_with_a_folder_is_told(tmp_path):
    body, command = told(tmp_path / "none")
    assert "problem      There is no folder" in body
    assert command == f"chajong doctor {tmp_path / 'none'}"


def test_measured_speed_goes_before_a_guess():
    members = [SimpleNamespace(name=name) for name in ("hog", "clip_frozen", "qwen")]
    found = SimpleNamespace(
        photos=SimpleNamespace(listing=pd.DataFrame({"path": ["a"] * 12_000})),
        members=members,
        metrics={"clip_frozen": {"photos_per_second": 20.0}},
        left_out={},
    )
    lines = dict(doctor.member_lines(found, "cpu"))
    assert lines["hog"] == "about 2 min to see all photos (a guess for two free cores)"
    assert lines["clip_frozen"] == "about 10 min to see all photos (measured here: 20 photos/s)"
    assert lines["qwen"].startswith("not measured here yet")


def test_nvidias_program_names_gpus_and_drivers(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA A100, 550.54, 81920 MiB, 80000 MiB'\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.nvidia_gpus() == ""
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    gpus = "NVIDIA A100, driver 550.54, memory 81920 MiB, free 80000 MiB"
    assert doctor.nvidia_gpus() == gpus
    assert "torch cannot use NVIDIA A100" in dict(doctor.machine_lines())["computes on"]
