import numpy as np
import pytest

from chajong.reports.class_losses import SHOWN_CLASSES, class_loss_chart, class_loss_table


def test_figures_agree_with_counting_one_by_one(make_scored):
    scored = make_scored(50)
    table = class_loss_table(scored).set_index("class_name")
    for number, name in enumerate(scored.class_names):
        photos = [photo for photo in range(50) if scored.labels[photo] == number]
        losses = [scored.losses[photo] for photo in photos]
        assert table.loc[name, "photos"] == len(photos)
        assert table.loc[name, "log_loss"] == pytest.approx(sum(losses) / len(photos))
        assert table.loc[name, "loss_share"] == pytest.approx(sum(losses) / scored.losses.sum())
        answered = scored.right[scored.guesses == number].mean()
        recall = scored.right[photos].mean()
        assert table.loc[name, "recall"] == pytest.approx(recall)
        assert table.loc[name, "precision"] == pytest.approx(answered)
        assert table.loc[name, "f1"] == pytest.approx(2 * answered * recall / (answered + recall))


def test_shares_sum_to_one_and_the_largest_comes_first(make_scored):
    table = class_loss_table(make_scored())
    assert table["cumulative_share"].iloc[-1] == pytest.approx(1)
    assert table["photo_share"].sum() == pytest.approx(1)
    assert table["loss_share"].is_monotonic_decreasing


def test_classes_without_photos_are_left_out(answer):
    table = class_loss_table(answer([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]], [0, 2]))
    assert len(table) == 2


def test_a_class_that_is_never_answered_has_no_precision_and_an_f1_of_zero(answer):
    table = class_loss_table(answer([[0.9, 0.1], [0.6, 0.4]], [0, 1])).set_index("class_name")
    row = table.iloc[table["recall"].argmin()]
    assert np.isnan(row["precision"])
    assert row["f1"] == 0


def test_chart_shows_the_largest_and_names_half_of_the_loss(answer):
    rows = [[0.5, 0.25, 0.25], [0.98, 0.01, 0.01], [0.98, 0.01, 0.01]]
    figure = class_loss_chart(class_loss_table(answer(rows, [1, 0, 0])))
    assert figure.layout.title.text == "Half of the log loss comes from 1 of 2 classes"
    assert len(figure.data[0].x) == 2 <= SHOWN_CLASSES


def test_names_are_escaped_in_the_chart(make_scored):
    labels = "".join(class_loss_chart(class_loss_table(make_scored())).layout.yaxis.ticktext)
    assert "<script" not in labels
    assert "&lt;script" in labels
