"""The page's answers on an index whose encoder reads no words."""

import pytest

from chajong.app.car_service import EnsembleService
from chajong.app.service import RequestError, SearchRequest


@pytest.fixture(scope="module")
def service(classifier, small_run):
    from chajong.search.photo_index import build_photo_index
    from chajong.search.vector_index import IndexParameters

    encoder = small_run.checkpoints["hog"].configuration["made_by"]["encoder"]
    features, store = small_run.features["hog"], small_run.store
    index = build_photo_index(
        features, small_run.tables, store, encoder, IndexParameters(), thumbnail_side=32
    )
    return EnsembleService(classifier, index)


def test_names_are_found_without_an_encoder_of_words(service):
    assert not service.searches_words
    found = service.search(SearchRequest(words="한별 다온 3세대 하이브리드", count=3))
    assert {each.model.name for each in found} == {"한별_다온_3세대_하이브리드_2021_2024"}
    assert len(found) == 3


def test_what_is_no_name_is_refused(service):
    with pytest.raises(RequestError, match="No known model is called 'red'"):
        service.search(SearchRequest(words="red"))


def test_a_model_that_is_chosen_comes_before_one_that_is_named(service):
    chosen = service.models[0].name
    found = service.search(SearchRequest(words="Norvik", model=chosen, count=3))
    assert {each.model.name for each in found} == {chosen}


def test_examples_are_photos_that_no_model_was_trained_on(service, classifier):
    kept = classifier.ensemble.kept.photos
    assert 0 < len(service.examples) <= 6
    assert set(service.examples) <= {kept.jpeg(each) for each in kept.keys()}  # noqa: SIM118


def test_members_say_of_which_kind_they_are(service, small_run):
    photo = small_run.path(small_run.test_photos()["photo_id"].iloc[0]).read_bytes()
    said = {each.member: (each.kind, each.model) for each in service.recognise([photo], 3).opinions}
    assert said == {"hog": ("frozen", "HOG and colours"), "clip_frozen": ("frozen", "small_clip")}
