import pytest
import torch

from chajong.members.clip.interpolation import interpolate


@pytest.fixture
def weights():
    generator = torch.Generator().manual_seed(0)
    start, trained = (
        {
            "weight": torch.randn(2, 3, generator=generator),
            "half": torch.randn(2, generator=generator).half(),
            "batches": torch.tensor(count),
        }
        for count in (0, 7)
    )
    return start, trained


@pytest.mark.parametrize("alpha", [0.25, 0.5, 0.75])
def test_it_equals_the_obvious_loop(weights, alpha):
    start, trained = weights
    between = interpolate(start, trained, alpha)["weight"]
    for i in range(2):
        for j in range(3):
            a, b = start["weight"][i, j].item(), trained["weight"][i, j].item()
            assert between[i, j].item() == pytest.approx((1 - alpha) * a + alpha * b, abs=1e-6)


def test_the_whole_share_gives_the_trained_weights_exactly(weights):
    start, trained = weights
    whole = interpolate(start, trained, 1.0)
    assert all(torch.equal(whole[name], trained[name]) for name in trained)


def test_whole_numbers_are_the_trained_ones(weights):
    assert interpolate(*weights, 0.5)["batches"].item() == 7


def test_kinds_of_number_stay(weights):
    assert interpolate(*weights, 0.5)["half"].dtype == torch.float16


def test_a_name_in_one_of_the_two_is_refused(weights):
    start, trained = weights
    with pytest.raises(ValueError, match="extra is not in both"):
        interpolate(start, trained | {"extra": torch.zeros(1)}, 0.5)


def test_another_shape_is_refused(weights):
    start, trained = weights
    with pytest.raises(ValueError, match="weight is not in both, or has another shape"):
        interpolate(start, trained | {"weight": torch.zeros(1, 3)}, 0.5)


def test_of_a_low_rank_change_the_share_is_taken():
    generator = torch.Generator().manual_seed(0)
    start = {"x.lora_A.weight": torch.randn(2, 5, generator=generator)}
    trained = {"x.lora_A.weight": torch.randn(2, 5, generator=generator)}
    start["x.lora_B.weight"] = torch.zeros(4, 2)
    trained["x.lora_B.weight"] = torch.randn(4, 2, generator=generator)

    def change(weights):
        return weights["x.lora_B.weight"] @ weights["x.lora_A.weight"]

    torch.testing.assert_close(change(interpolate(start, trained, 0.25)), 0.25 * change(trained))
