import numpy as np
import pandas as pd

from chajong.ensembling.leaderboard import OTHERS
from chajong.members.registry import KINDS
from chajong.reports.approaches import APPROACHES, approach_chart, approach_table


def board(**seconds: float) -> pd.DataFrame:
    count = len(seconds)
    table = pd.DataFrame({"member": list(seconds), "seconds": list(seconds.values())})
    table["log_loss"] = np.linspace(2, 1, count)
    for column in ("log_loss_low", "log_loss_high", "accuracy"):
        table[column] = np.nan
    table["approach"] = ["ensemble" if name == "ensemble" else "CLIP" for name in seconds]
    return table.assign(photos_per_second=5.0, peak_memory_mb=100.0)


def test_every_approach_of_a_kind_has_a_colour():
    approaches = {kind.approach for kind in KINDS.values()}
    assert {*approaches, OTHERS, "ensemble"} == set(APPROACHES)


def test_lowest_log_loss_first_and_unscored_left_out():
    table = board(hog=1.0, clip=2.0, vlm=3.0)
    table.loc[1, "log_loss"] = np.nan
    assert list(approach_table(table)["member"]) == ["vlm", "hog"]


def test_chart_labels_the_timed_members_and_draws_the_ensemble_as_a_line():
    table = approach_table(board(hog=10.0, 팀원=np.nan, clip=100.0, ensemble=np.nan))
    figure = approach_chart(table)
    assert {text.strip() for trace in figure.data for text in trace.text} == {"hog", "clip"}
    assert len(figure.layout.shapes) == 1
    assert figure.layout.xaxis.type == "log"


def test_chart_without_a_timed_member():
    assert approach_chart(approach_table(board(팀원=np.nan))).to_json()
