"""The table of a time budget sets steps beside what was planned for their members."""

import json
from pathlib import Path

from benchmarks.time_budget import FOR_FOLDS, print_table
from chajong.budget import MEMORY
from chajong.run_log import SECONDS


def test_every_step_is_counted_once(tmp_path, capsys):
    (tmp_path / Path(MEMORY).parent).mkdir(parents=True)
    sizes = {"hog": {"changes": {}, "seconds": 5}, "hog_large": {"changes": {}, "seconds": 20}}
    plan = {"sizes": sizes, "rest": 30}
    (tmp_path / MEMORY).write_text(json.dumps({"choices": {"key": plan}}))
    took = {
        "hog.fit_heads": 1,
        "hog_large.extract_features": 20,
        FOR_FOLDS: 300,
        "ensemble.x": 4000,
    }
    (tmp_path / SECONDS).write_text(json.dumps(took))
    print_table(tmp_path)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[:3] for row in rows[1:3]] == [["hog", "5", "1"], ["hog_large", "20", "20"]]
    assert [row[-2:] for row in rows[-3:]] == [["25", "321"], ["30", "4000"], ["55", "4321"]]
