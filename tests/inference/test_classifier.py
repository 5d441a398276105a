"""The classifier against the run that made it, and on photos of every kind."""

import io

import numpy as np
import pytest
from PIL import Image
from tiny_predictions import align_to_photos

from chajong.inference.answers import PriorError
from chajong.inference.saved import SavedEnsembleError
from chajong.predictions.contract import pool_fold_models, split_rows


@pytest.fixture(scope="module")
def test_photos(small_run):
    return small_run.test_photos()["photo_id"].tolist()


@pytest.fixture(scope="module")
def expected(served, test_photos):
    tested = split_rows(served.refined.predictions, "test")
    return np.exp(align_to_photos(tested, test_photos).log_probabilities)


def probabilities(table, class_names):
    wide = table.pivot(index="photo", columns="class_name", values="probability")
    return wide[list(class_names)].to_numpy()


def test_answers_are_those_of_the_run(classifier, small_run, test_photos, expected):
    paths = [small_run.path(photo) for photo in test_photos]
    table = classifier.predict(paths, top_k=99)
    by_name = dict(zip((path.name for path in paths), range(len(paths)), strict=True))
    order = [by_name[name] for name in sorted(by_name)]
    got = probabilities(table, classifier.class_names)
    np.testing.assert_allclose(got, expected[order], atol=1e-5)


def test_a_photo_alone_is_answered_as_among_others(classifier, small_run, test_photos, expected):
    for place, photo in enumerate(test_photos[:3]):
        table = classifier.predict(small_run.path(photo).read_bytes(), top_k=99)
        got = probabilities(table, classifier.class_names)[0]
        np.testing.assert_allclose(got, expected[place], atol=1e-5)


@pytest.mark.parametrize("member", ["hog", "clip_frozen"])
def test_a_member_alone_answers_as_its_test_predictions(classifier, small_run, test_photos, member):
    pooled = pool_fold_models(small_run.predictions[member], "test")
    wanted = np.exp(align_to_photos(pooled, test_photos[:4]).log_probabilities)
    table = classifier.only(member).predict(
        [small_run.path(photo).read_bytes() for photo in test_photos[:4]], top_k=99
    )
    got = probabilities(table, classifier.class_names)
    np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_an_unknown_member_is_named(classifier):
    with pytest.raises(SavedEnsembleError, match="no member 'clop': name one of hog, clip_frozen"):
        classifier.only("clop")


def test_pixels_and_pillow_images_are_answered_alike(classifier, small_run, test_photos):
    image = Image.open(small_run.path(test_photos[0])).convert("RGB")
    from_pillow, from_pixels = (
        classifier.predict(photo)["probability"] for photo in (image, np.asarray(image))
    )
    np.testing.assert_array_equal(from_pillow, from_pixels)


def test_pixels_that_are_no_photo_are_refused(classifier):
    with pytest.raises(ValueError, match=r"shape \(4, 4\) and type float64 are no RGB photo"):
        classifier.predict(np.zeros((4, 4)))


def test_bad_photos_keep_their_rows_with_the_prior(classifier, small_run, test_photos):
    good = small_run.path(test_photos[0]).read_bytes()
    table = classifier.predict([b"", good, b"<svg/>", good[:200]], top_k=1)
    assert table["status"].tolist() == ["unreadable", "ok", "unreadable", "unreadable"]
    assert table["photo"].tolist() == ["photo 1", "photo 2", "photo 3", "photo 4"]
    assert "empty" in table["reason"][0]
    bad = table["status"] != "ok"
    most_frequent = classifier.ensemble.prior.max()
    np.testing.assert_allclose(table.loc[bad, "probability"], most_frequent, rtol=1e-5)
    alone = classifier.predict(good, top_k=1)
    assert table["class_name"][1] == alone["class_name"][0]


def test_photos_of_one_vehicle_get_one_answer(classifier, small_run, test_photos):
    photos = [small_run.path(photo).read_bytes() for photo in test_photos[:4]]
    apart = classifier.predict(photos, top_k=99)
    logs = np.log(probabilities(apart, classifier.class_names))
    table = classifier.predict(photos, top_k=99, vehicles=["a", "b", "a", "a"])
    got = table.pivot(index="vehicle", columns="class_name", values="probability")
    mean = np.exp(logs[[0, 2, 3]].mean(axis=0))
    np.testing.assert_allclose(
        got.loc["a", list(classifier.class_names)], mean / mean.sum(), rtol=1e-4
    )


def test_vehicles_must_be_as_many_as_photos(classifier, small_run, test_photos):
    photo = small_run.path(test_photos[0]).read_bytes()
    with pytest.raises(ValueError, match="2 vehicles were given for 1 photos"):
        classifier.predict(photo, vehicles=["a", "b"])


def test_a_prior_changes_odds_by_its_ratio(classifier, small_run, test_photos):
    photo = small_run.path(test_photos[0]).read_bytes()
    names = classifier.class_names
    plain = probabilities(classifier.predict(photo, top_k=99), names)[0]
    prior = {name: place + 1.0 for place, name in enumerate(names)}
    table = classifier.predict(photo, top_k=99, prior=prior)
    wanted = plain * np.arange(1, len(names) + 1) / classifier.ensemble.prior
    np.testing.assert_allclose(probabilities(table, names)[0], wanted / wanted.sum(), rtol=1e-4)


def test_a_class_that_does_not_occur_is_never_answered(classifier, small_run, test_photos):
    photo = small_run.path(test_photos[0]).read_bytes()
    best = classifier.predict(photo, top_k=1)["class_name"][0]
    others = {name: 1.0 for name in classifier.class_names if name != best}
    table = classifier.predict(photo, top_k=99, prior=others).set_index("class_name")
    assert table.loc[best, "probability"] == 0


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        ({"없는차": 1.0}, "'없는차', which is no class"),
        ({}, "gives every class 0"),
    ],
)
def test_an_unusable_prior_is_refused(classifier, small_run, test_photos, prior, message):
    with pytest.raises(PriorError, match=message):
        classifier.predict(small_run.path(test_photos[0]).read_bytes(), prior=prior)


def test_a_photo_in_another_format_is_answered_nearly_alike(classifier, small_run, test_photos):
    image = Image.open(small_run.path(test_photos[0])).convert("RGB")
    file = io.BytesIO()
    image.save(file, "WEBP", lossless=True)
    got = probabilities(classifier.predict(file.getvalue(), top_k=99), classifier.class_names)
    path = small_run.path(test_photos[0])
    plain = probabilities(classifier.predict(path, top_k=99), classifier.class_names)
    np.testing.assert_allclose(got, plain, atol=0.1)
