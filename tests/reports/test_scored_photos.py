import numpy as np
import pytest

from chajong.predictions.metric import accuracy, log_loss
from chajong.reports.scored_photos import scored_members, scored_photos


def test_labels_and_photos_are_put_beside_the_rows_that_count(
    make_scored, as_predictions, as_photos, classes
):
    made = make_scored(6)
    predictions = as_predictions(made, test_photos=2)
    predictions.rows.loc[1, "label_counts"] = False
    scored = scored_photos(predictions, as_photos(made, 2).iloc[::-1], classes)
    kept = [0, 2, 3, 4, 5]
    assert list(scored.photo_ids) == list(made.photo_ids[kept])
    assert list(scored.labels) == list(made.labels[kept])
    assert list(scored.sha256s) == list(made.sha256s[kept])
    np.testing.assert_array_equal(scored.log_probabilities, made.log_probabilities[kept])


def test_nothing_to_score(make_scored, as_predictions, as_photos, classes):
    made = make_scored(3)
    predictions = as_predictions(made)
    predictions.rows["label_counts"] = False
    with pytest.raises(ValueError, match="no train photo whose label counts"):
        scored_photos(predictions, as_photos(made), classes)


def test_figures_agree_with_the_metric(make_scored):
    scored = make_scored()
    assert scored.losses.mean() == pytest.approx(log_loss(scored.log_probabilities, scored.labels))
    assert scored.right.mean() == accuracy(scored.log_probabilities, scored.labels)
    probabilities = np.exp(scored.log_probabilities)
    np.testing.assert_allclose(scored.confidences, probabilities.max(axis=1), rtol=1e-6)


def test_loss_is_clipped_as_the_challenge_clips(answer):
    with np.errstate(divide="ignore"):
        scored = answer([[0.0, 1.0]], [0])
    assert scored.losses[0] == pytest.approx(-np.log(1e-15))


def test_photos_asked_for_by_id_keep_their_order_and_the_missing_are_left_out(make_scored):
    scored = make_scored(5).take(np.array([0, 1, 3]))
    found = scored.at(np.array(["train/3.jpg", "train/4.jpg", "train/0.jpg"]))
    assert list(found.photo_ids) == ["train/3.jpg", "train/0.jpg"]
    np.testing.assert_array_equal(found.log_probabilities, scored.log_probabilities[[2, 0]])


def test_members_of_the_same_question_come_best_first(
    make_scored, as_predictions, as_photos, classes
):
    good, bad = make_scored(lean=4), make_scored(lean=0)
    members = {
        "bad": as_predictions(bad),
        "stranger": as_predictions(good, contract="other"),
        "good": as_predictions(good),
    }
    scored = scored_members(members, members["good"], as_photos(good), classes)
    assert list(scored) == ["good", "bad"]
