import errno
import json
import math
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import bitsandbytes
import psutil
import pytest
import torch

from benchmarks import check_gpu
from benchmarks.gpu_check import interruption, rows, worker
from benchmarks.gpu_check.processes import Work
from benchmarks.gpu_check.random_models import random_vlm_classifier
from benchmarks.gpu_check.report import joined, table
from benchmarks.gpu_check.rows import Finding, NoHardware, Row, measure
from chajong.training.moving_average import trained_weights
from tools.check_presets import MEMORY, members_of
from tools.presets.vlm_cost import full_vlm_classifier

COMMAND = [sys.executable, "-m", "benchmarks.check_gpu"]
CHECKOUT = Path(__file__).parents[2]
VLM = members_of("gpu24")["vlm"]


@pytest.fixture(scope="module")
def dry(tmp_path_factory):
    """The report of a whole dry run, and what it printed."""
    output = tmp_path_factory.mktemp("dry") / "check_gpu.json"
    command = [*COMMAND, "--dry", "--output", str(output)]
    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    report = json.loads(output.read_text(encoding="utf-8"))
    return SimpleNamespace(report=report, printed=run.stdout, status=run.returncode)


@pytest.mark.slow
def test_every_row_of_the_dry_form_runs_but_the_one_that_needs_two_gpus(dry):
    left = {row["name"]: row["note"] for row in dry.report["rows"] if row["status"] != "ran"}
    assert left == {"two processes": "no GPU"}
    assert dry.status == 0


@pytest.mark.slow
def test_every_trained_member_of_every_preset_is_measured(dry):
    names = {row["name"] for row in dry.report["rows"]}
    for environment in MEMORY:
        for member, parameters in members_of(environment).items():
            if getattr(parameters, "training", None) is not None:
                row = "step" if member == "vlm" else member
                assert f"{environment}: {row}" in names


@pytest.mark.slow
def test_estimates_stand_beside_what_was_measured(dry):
    (row,) = (row for row in dry.report["rows"] if row["name"] == "gpu24: backbone")
    measured, estimated = (row[side]["hours_per_fold"] for side in ("measured", "estimated"))
    assert row["ratio"]["hours_per_fold"] == pytest.approx(measured / estimated)
    assert row["measured"]["share_of_ceiling"] > 0
    assert row["estimated"]["reserved_gb"] > row["estimated"]["allocated_gb"] > 10


@pytest.mark.slow
def test_a_killed_training_has_the_weights_of_one_that_was_not(dry):
    (row,) = (row for row in dry.report["rows"] if row["name"] == "killed and resumed")
    assert row["measured"]["difference_over_change"] == 0
    assert "resumed from step" in row["note"]


@pytest.mark.slow
def test_the_report_says_what_it_is_of_and_the_table_has_its_rows(dry):
    assert dry.report["dry"]
    assert {"name", "torch", "date"} <= dry.report["device"].keys()
    assert {row["section"] for row in dry.report["rows"]} == set(check_gpu.BUDGETS)
    for row in dry.report["rows"]:
        assert row["name"] in dry.printed


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_without_a_gpu_one_sentence_says_what_to_do():
    run = subprocess.run(COMMAND, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr.strip().count("\n") == 0
    assert "No GPU was found" in run.stderr
    assert "--dry" in run.stderr


def test_all_sections_fit_into_nine_minutes():
    assert sum(check_gpu.BUDGETS.values()) + check_gpu.ESTIMATES_MORE < 9 * 60


def fail():
    raise RuntimeError("CUDA error: an illegal\nmemory access")


def want():
    raise NoHardware("one GPU")


def test_a_measurement_that_fails_does_not_stop_the_next():
    items = [
        ("broken", fail),
        ("wanting", want),
        ("strange", lambda: Finding({"largest_difference": math.nan})),
        ("sound", lambda: Finding({"seconds": 1.0}, "as always")),
    ]
    found = list(measure("precision", items, time.monotonic() + 60))
    assert [(row.name, row.status) for row in found] == [
        ("broken", "failed"),
        ("wanting", "skipped"),
        ("strange", "failed"),
        ("sound", "ran"),
    ]
    assert [row.note for row in found] == [
        "RuntimeError: CUDA error: an illegal memory access",
        "one GPU",
        "largest difference is nan",
        "as always",
    ]


def test_a_measurement_that_would_overrun_is_left_out_and_says_so(monkeypatch):
    clock = SimpleNamespace(now=100.0)

    def slow():
        clock.now += 20
        return Finding({})

    monkeypatch.setattr(rows, "time", SimpleNamespace(monotonic=lambda: clock.now))
    first, late = measure("training", [("slow", slow), ("late", fail)], ends=130.0)
    assert (first.status, late.status) == ("ran", "skipped")
    assert late.note == "10 s are left of this section's time and a row takes 20 s"


def test_a_section_that_cannot_be_prepared_is_a_row(monkeypatch):
    monkeypatch.setattr(interruption, "items", lambda dry: fail())
    (row,) = worker.rows_of("interruption", time.monotonic() + 1, estimate=False, dry=True)
    assert (row.status, row.section) == ("failed", "interruption")
    assert "illegal memory access" in row.note


def at_work(folder, script):
    """Start a process that has given one row and goes on with a script."""
    file = folder / "rows.jsonl"
    file.write_text('{"section": "training", "name": "gpu24: clip", "status": "ran"}\n')
    process = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    return Work(("extraction", "training"), process, file)


def test_a_process_that_dies_leaves_its_rows_and_one_more(tmp_path):
    work = at_work(tmp_path, "import os; os.kill(os.getpid(), 11)")
    before, last = work.finish(time.monotonic() + 60)
    assert before.name == "gpu24: clip"
    assert (last.section, last.status) == ("training", "failed")
    assert "status -11" in last.note


def test_a_process_whose_time_is_over_is_stopped_with_its_children(tmp_path):
    begun = tmp_path / "begun"
    script = (
        "import pathlib, subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(120)']);"
        f"begun = pathlib.Path({str(begun)!r}); unfinished = begun.with_suffix('.unfinished');"
        "unfinished.write_text(str(child.pid)); unfinished.rename(begun); time.sleep(120)"
    )
    work = at_work(tmp_path, script)
    while not begun.exists():
        time.sleep(0.01)
    child = psutil.Process(int(begun.read_text()))
    _, last = work.finish(time.monotonic())
    assert (last.status, last.note) == ("skipped", "stopped: the time was over")
    with suppress(psutil.TimeoutExpired):
        child.wait(timeout=30)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(("status", "expected"), [("failed", 1), ("skipped", 0), ("ran", 0)])
def test_the_exit_status_tells_whether_a_row_failed(status, expected, tmp_path, monkeypatch):
    records = joined([Row("training", "gpu24: clip", status, note="CUDA out of memory")], [])
    monkeypatch.setattr(check_gpu, "measured_records", lambda *_, **__: records)
    output = tmp_path / "new" / "check_gpu.json"
    monkeypatch.setattr(sys, "argv", ["check_gpu.py", "--dry", "--output", str(output)])
    with pytest.raises(SystemExit) as stopped:
        check_gpu.main()
    assert stopped.value.code == expected
    assert json.loads(output.read_text())["rows"] == records


def test_a_full_disk_leaves_the_report_that_was_there(tmp_path, monkeypatch):
    output = tmp_path / "check_gpu.json"
    check_gpu.write({"rows": []}, output)
    before = output.read_text()

    def half(path, text, encoding):
        with path.open("w") as file:
            file.write(text[: len(text) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(OSError, match="is full"):
        check_gpu.write({"rows": [{"name": "gpu24: clip"}]}, output)
    assert output.read_text() == before
    assert list(tmp_path.iterdir()) == [output]


def test_a_share_of_the_ceiling_is_operations_a_second_over_those_of_the_product():
    ceiling = Row("extraction", "ceiling", "ran", 0, {"tera_operations_per_second": 100.0})
    row = Row("extraction", "ViT-B/32", "ran", 0, {"photos_per_second": 500.0})
    estimate = replace(row, figures={"operations_per_photo": 5e10, "reserved_gb": 3.0})
    _, record = joined([ceiling, row], [estimate])
    assert record["measured"]["share_of_ceiling"] == pytest.approx(0.25)
    assert record["ratio"] == {}
    assert "0.25" in table([record])


def test_an_estimate_that_fails_is_not_passed_over():
    row = Row("training", "gpu24: clip", "ran", 0, {"hours_per_fold": 1.0})
    estimate = Row("training", "gpu24: clip", "failed", note="EncoderError: no such model")
    measured, wanting = joined([row], [estimate])
    assert measured["status"] == "ran"
    assert (wanting["name"], wanting["status"]) == ("gpu24: clip, estimate", "failed")


def test_a_resumed_training_with_other_weights_fails(monkeypatch):
    moved_by = iter([0.25, 0.75])

    def train(job, folder):
        distance = next(moved_by)
        weights = trained_weights(job.build())
        return SimpleNamespace(weights={name: part + distance for name, part in weights.items()})

    monkeypatch.setattr(interruption, "train", train)
    monkeypatch.setattr(interruption, "_kill_after_first_checkpoint", lambda folder: 4)
    items = interruption.items(dry=True)[:1]
    (row,) = measure("interruption", items, time.monotonic() + 60)
    assert row.status == "failed"
    assert row.note == "ValueError: the weights differ by 2 of what training changes"


def test_one_gpu_is_not_two(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    items = interruption.items(dry=False)[1:]
    (row,) = measure("interruption", items, time.monotonic() + 60)
    assert (row.status, row.note) == ("skipped", "one GPU")


@pytest.fixture(scope="module")
def narrow_vlm(tmp_path_factory):
    return random_vlm_classifier(VLM.model, VLM.hints, tmp_path_factory.mktemp("tiny"), dry=True)


def test_random_weights_are_packed_as_loaded_ones_are(narrow_vlm):
    packed = {
        name: layer
        for name, layer in narrow_vlm.reader.network.named_modules()
        if type(layer) is bitsandbytes.nn.Linear4bit
    }
    assert len(packed) == 7
    for name, layer in packed.items():
        assert "language_model" in name
        assert layer.weight.quant_state.nested
    assert not any(part.is_meta for part in (*narrow_vlm.parameters(), *narrow_vlm.buffers()))


def test_names_are_as_long_as_the_estimates_take_them_to_be(narrow_vlm):
    reckoned = full_vlm_classifier(VLM.model).model
    lengths = [
        [len(model.reader.name_tokens(name)) for name in model.names]
        for model in (narrow_vlm, reckoned)
    ]
    assert lengths[0] == lengths[1]
    reader = narrow_vlm.reader
    spelled = {token for name in narrow_vlm.names for token in reader.name_tokens(name)[:-1]}
    assert not spelled & set(reader.processor.tokenizer.all_special_ids)
