import time

import numpy as np
import pytest
import torch

from benchmarks import bench
from benchmarks.bench import MARKS, NO_GPU, RESULTS, between_marks, draw, gpu_half, gpu_text, table
from benchmarks.peers import heads, photos
from benchmarks.peers.comparison import Comparison, Measured, measured
from chajong.photos.near_duplicates import hash_bits

ABOUT = {"date": "2026-01-01", "cores": 2, "threads": 2, "load": 0.5}


def row(**given):
    figures = {"ours": 20.0, "theirs": 10.0, "ratio": 2.0, "lowest": 1.5, "highest": 2.5}
    names = {"job": "sorting", "peer": "bubbles", "unit": "lists", "aim": None, "agreement": ""}
    return Measured(**{**names, **figures, **given})


def test_both_ways_run_in_turns_and_once_before_it_counts():
    calls = []
    comparison = Comparison(
        "sorting", "bubbles", 6, "lists", lambda: calls.append("a"), lambda: calls.append("b")
    )
    measured(comparison, rounds=2)
    assert calls == ["a", "b"] * 3


def test_a_slow_peer_is_slower_and_answers_are_compared():
    comparison = Comparison(
        job="sorting",
        peer="bubbles",
        work=6,
        unit="lists",
        ours=lambda: 1,
        theirs=lambda: time.sleep(0.02) or 4,
        agreement=lambda ours, theirs: f"apart by {theirs - ours}",
    )
    found = measured(comparison, rounds=3)
    assert found.ratio > 1
    assert found.lowest <= found.ratio <= found.highest
    assert found.ours > found.theirs
    assert found.theirs <= 6 / 0.02
    assert found.agreement == "apart by 3"


def test_the_table_has_a_row_a_comparison():
    lines = table([row(), row(job="search", aim=4.0)], ABOUT, rounds=3).splitlines()
    assert "| sorting | 20 lists | bubbles | 10 | **2.00** (1.50 to 2.50) |  |  |" in lines
    assert lines[-1].startswith("| search |")
    assert "| 4 |" in lines[-1]


def test_the_table_takes_the_place_of_the_last_one():
    page = f"above\n{MARKS[0]}old\n{MARKS[1]}below\n"
    assert between_marks(page, "new\n") == f"above\n{MARKS[0]}new\n{MARKS[1]}below\n"


def test_the_page_of_results_has_a_place_for_it():
    page = RESULTS.read_text(encoding="utf-8")
    assert f"{MARKS[0]}new\n{MARKS[1]}" in between_marks(page, "new\n")


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="has no lines"):
        between_marks("above\nbelow\n", "new\n")


def test_the_chart_is_a_picture(tmp_path):
    draw([row(), row(job="search")], tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_the_peer_of_near_duplicates_finds_what_a_count_of_bits_finds():
    hashes = ["00000000000000ff", "00000000000000fe", "ffffffff00000000", "000000000000003f"]
    bits = hash_bits(hashes)
    near = [
        (i, j)
        for i in range(4)
        for j in range(i + 1, 4)
        if (bits[i] ^ bits[j]).bit_count() <= photos.RADIUS
    ]
    assert photos.pair_by_pair(hashes) == near == [(0, 1), (0, 3), (1, 3)]


def test_both_sides_of_logistic_regression_have_one_minimum():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 3
    directions = torch.eye(3)[labels] + 0.5 * torch.randn(60, 3, generator=generator)
    pulls = [1e-1, 1e-2]
    ours = heads.logistic_path(directions, labels, torch.zeros(3, 3), pulls, tolerance=1e-6)
    theirs = heads.path_of_scikit_learn(directions.numpy(), labels.numpy(), pulls)
    found = [heads.losses(path, directions, labels, pulls) for path in (ours, theirs)]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-3)
    elsewhere = heads.losses([0.5 * weights for weights in ours], directions, labels, pulls)
    assert np.all(elsewhere > 1.01 * found[0])


def test_without_a_gpu_one_line_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_half(tmp_path) is None
    assert gpu_text(None).strip() == NO_GPU


def test_a_gpu_is_measured_by_the_sections_about_speed(monkeypatch, tmp_path):
    def measured(sections, folder, *, dry):
        figures = {"measured": {"photos_per_second": 70.0}, "estimated": {}, "ratio": {}}
        return [
            {"section": section, "name": "row", "status": "ran", "note": "", **figures}
            for section in sections
        ]

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(bench, "measured_records", measured)
    monkeypatch.setattr(bench.report, "device", lambda *, dry: {"name": "a GPU"})
    text = gpu_text(gpu_half(tmp_path))
    assert "a GPU:" in text
    assert "\nextraction\n" in text
    assert "\ntraining\n" in text
    assert "photos per second" in text
