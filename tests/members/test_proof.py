import numpy as np
import pytest
import torch

from chajong.members.checkpoint import Checkpoint, CheckpointError
from chajong.members.proof import (
    AGREEMENT,
    AGREEMENT_IN_HALF_PRECISION,
    ON_THE_CPU,
    Arithmetic,
    arithmetic_here,
    beyond_rounding,
    check_proof,
    saved_arithmetic,
)

CARD = Arithmetic("a card", "float32")
HALF = Arithmetic("a card", "bfloat16")
OTHER_CARD = Arithmetic("another card", "bfloat16")


def log_softmax(scores):
    return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)


def answers(seed=0, photos=8, names=396):
    """Log-probabilities as the log-likelihoods of names of many tokens give them."""
    return log_softmax(np.random.default_rng(seed).normal(0, 8, (photos, names)))


def moved(scores, noise, seed=1):
    return log_softmax(scores + np.random.default_rng(seed).normal(0, noise, scores.shape))


def proven(saved, **configuration):
    return Checkpoint({"proof.fold_4": torch.from_numpy(saved).float()}, configuration)


@pytest.mark.parametrize(
    ("arithmetic", "agreement"),
    [(ON_THE_CPU, AGREEMENT), (CARD, AGREEMENT), (HALF, AGREEMENT_IN_HALF_PRECISION)],
)
def test_where_the_arithmetic_is_the_same_no_score_may_differ(arithmetic, agreement):
    saved = answers()
    checkpoint = proven(saved, **arithmetic.written())
    saved[1, 2] += 0.9 * agreement
    check_proof(saved, checkpoint, 4, arithmetic)
    saved[1, 2] += 0.2 * agreement
    with pytest.raises(CheckpointError, match="model of fold 4 differs by"):
        check_proof(saved, checkpoint, 4, arithmetic)


@pytest.mark.parametrize(
    ("before", "computed"),
    [(HALF, ON_THE_CPU), (ON_THE_CPU, HALF), (HALF, OTHER_CARD), (HALF, CARD)],
)
def test_between_devices_in_half_precision_names_may_differ_by_tenths(before, computed):
    saved = answers()
    scored = moved(saved, noise=0.15)
    assert np.abs(scored - saved).max() > 4 * AGREEMENT_IN_HALF_PRECISION
    check_proof(scored, proven(saved, **before.written()), 4, computed)


def test_between_devices_in_float32_thousandths_may_differ():
    saved = answers()
    checkpoint = proven(saved, **CARD.written())
    check_proof(moved(saved, noise=0.002), checkpoint, 4, ON_THE_CPU)
    with pytest.raises(CheckpointError, match="nats on average"):
        check_proof(moved(saved, noise=0.15), checkpoint, 4, ON_THE_CPU)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("computed", [ON_THE_CPU, CARD, HALF])
def test_what_is_no_number_is_refused(computed, wrong):
    saved = answers()
    checkpoint = proven(saved, **CARD.written())
    scored = saved.copy()
    scored[1, 2] = wrong
    with pytest.raises(CheckpointError, match="model of fold 4 differs by"):
        check_proof(scored, checkpoint, 4, computed)
    checkpoint.tensors["proof.fold_4"][0, 0] = wrong
    with pytest.raises(CheckpointError, match="model of fold 4 differs by"):
        check_proof(saved, checkpoint, 4, computed)


@pytest.mark.parametrize(
    "other",
    [
        lambda saved: answers(seed=5),
        lambda saved: moved(saved, noise=2),
        lambda saved: log_softmax(saved * 0.7),
        lambda saved: np.roll(saved, 1, axis=0),
        lambda saved: np.roll(saved, 1, axis=1),
        lambda saved: np.full_like(saved, -np.log(saved.shape[1])),
    ],
    ids=["unrelated", "related", "less sure", "photos moved", "names moved", "knows nothing"],
)
def test_another_models_answers_are_refused_in_half_precision_too(other):
    saved = answers()
    assert beyond_rounding(other(saved), saved)


def test_first_names_that_changed_places_are_refused_unless_they_were_close():
    saved = answers()
    first, second = np.argsort(-saved[3])[:2]
    for gap, agrees in [(0.3, True), (3.0, False)]:
        saved[3, first] = saved[3, second] + gap
        scored = saved.copy()
        scored[3, [first, second]] = saved[3, [second, first]]
        found = beyond_rounding(scored, saved)
        assert found is None if agrees else "in another order" in found


def test_the_message_says_where_and_how_both_were_computed():
    saved = answers()
    expected = r"bfloat16 on a card, now float32 on cpu\): the files do not belong together"
    with pytest.raises(CheckpointError, match=expected):
        check_proof(answers(seed=5), proven(saved, **HALF.written()), 4, ON_THE_CPU)


def test_what_is_written_is_read():
    assert saved_arithmetic(HALF.written()) == HALF


@pytest.mark.parametrize("precision", ["torch.bfloat16", "torch.float32", "float16", None])
def test_checkpoints_of_earlier_versions_are_of_an_unknown_device(precision):
    """Vision-language models wrote torch's name; light heads wrote that of their features."""
    arithmetic = saved_arithmetic({"precision": precision} if precision else {})
    assert arithmetic.device not in ("cpu", arithmetic_here().device)
    half = precision == "torch.bfloat16"
    assert arithmetic.precision == ("bfloat16" if half else "float32")


def test_a_card_is_called_by_its_name(monkeypatch):
    monkeypatch.setattr("chajong.members.proof.best_device", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a card")
    assert arithmetic_here("torch.bfloat16") == HALF


def test_without_a_card_numbers_are_computed_on_the_cpu():
    if torch.accelerator.is_available():
        pytest.skip("there is a card")
    assert arithmetic_here() == ON_THE_CPU
