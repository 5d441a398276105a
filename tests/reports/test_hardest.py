import numpy as np

from chajong.reports.hardest import hardest_photos


def test_highest_losses_first_with_the_ensemble_first(make_scored):
    scored, clip = make_scored(seed=1), make_scored(seed=2)
    table = hardest_photos(scored, {"clip": clip}, limit=3)
    assert list(table["member"]) == ["ensemble", "clip"] * 3
    ensemble = table[table["member"] == "ensemble"]
    np.testing.assert_allclose(ensemble["loss"], np.sort(scored.losses)[::-1][:3])


def test_every_view_is_the_members_own(make_scored):
    scored, clip = make_scored(seed=1), make_scored(seed=2)
    reversed_clip = clip.take(np.arange(len(clip))[::-1])
    for row in hardest_photos(scored, {"clip": reversed_clip}).itertuples():
        view = scored if row.member == "ensemble" else clip
        photo = list(view.photo_ids).index(row.photo_id)
        probabilities = np.exp(view.log_probabilities[photo])
        assert row.guess == view.class_names[probabilities.argmax()]
        np.testing.assert_allclose(row.guess_probability, probabilities.max(), rtol=1e-5)
        np.testing.assert_allclose(
            row.label_probability, probabilities[view.labels[photo]], rtol=1e-5
        )


def test_a_member_without_the_photo_has_no_row(make_scored):
    scored = make_scored(seed=1)
    hardest = scored.losses.argmax()
    others = scored.take(np.arange(len(scored)) != hardest)
    assert list(hardest_photos(scored, {"clip": others}, limit=1)["member"]) == ["ensemble"]
