from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_classifier import UNVARIED, labelled_photos, tiny_job

from chajong.photos.decode import decode_photo
from chajong.photos.resizing import resize_photo
from chajong.training import photo_batches
from chajong.training.engine import train
from chajong.training.errors import TrainingError
from chajong.training.parameters import (
    MixingParameters,
    TrainingParameters,
)
from chajong.training.photo_batches import BatchMixing, TrainingSchedule, TrainingSet

SIZE = (16, 24)


def settings(**changes):
    return TrainingParameters(**{"epochs": 3, "batch_size": 4, **changes})


def order(count, lengths=None, **changes):
    schedule = TrainingSchedule(count, settings(**changes), lengths)
    return [schedule.photo(place) for place in range(len(schedule))]


class Questions:
    """A question that says what it was worded from; its length is the photo's number."""

    def length(self, photo_id):
        return int(photo_id.split("/")[2].removesuffix(".jpg"))

    def __call__(self, photo_id, label, generator):
        return photo_id, label, int(generator.integers(1_000_000))


def training_set(photos, **changes):
    parameters = settings(**changes)
    return TrainingSet(photos, TrainingSchedule(len(photos), parameters), parameters, SIZE)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return labelled_photos(tmp_path_factory.mktemp("photos"), 10)


class TestSchedule:
    @given(st.integers(2, 9), st.integers(0, 40), st.integers(1, 4), st.integers(0, 9))
    def test_an_epoch_sees_every_photo_once_but_for_the_remainder(
        self, batch_size, more, epochs, seed
    ):
        count = batch_size + more
        seen = order(count, batch_size=batch_size, epochs=epochs, seed=seed)
        whole = count - count % batch_size
        assert len(seen) == epochs * whole
        for epoch in range(epochs):
            of_epoch = seen[epoch * whole : (epoch + 1) * whole]
            assert len(set(of_epoch)) == whole
            assert set(of_epoch) <= set(range(count))

    def test_every_epoch_has_an_order_of_its_own(self):
        seen = order(12)
        assert len({tuple(seen[start : start + 12]) for start in (0, 12, 24)}) == 3

    def test_another_seed_gives_another_order(self):
        assert order(12, seed=1) != order(12, seed=0)

    def test_nothing_but_the_seed_decides_the_order(self):
        others = {"learning_rate": 1.0, "gradient_accumulation": 2, "augmentation": UNVARIED}
        assert order(12, **others) == order(12)

    def test_more_epochs_begin_with_the_same_ones(self):
        assert order(13, epochs=5)[: len(order(13))] == order(13)

    @given(
        st.lists(st.integers(0, 9), min_size=2, max_size=120),
        st.integers(2, 5),
        st.integers(1, 3),
        st.integers(0, 9),
    )
    def test_an_epoch_in_batches_of_similar_lengths_sees_no_photo_twice(
        self, lengths, batch_size, epochs, seed
    ):
        count = max(len(lengths), batch_size)
        given_lengths = np.resize(lengths, count)
        seen = order(count, given_lengths, batch_size=batch_size, epochs=epochs, seed=seed)
        whole = count - count % batch_size
        assert len(seen) == epochs * whole
        for epoch in range(epochs):
            assert len(set(seen[epoch * whole : (epoch + 1) * whole])) == whole

    @pytest.mark.parametrize("count", [61, 1000])
    def test_photos_of_a_batch_have_similar_lengths(self, count):
        lengths = np.random.default_rng(0).integers(20, 200, count)

        def spread(seen):
            return np.ptp(lengths[seen].reshape(-1, 4), axis=1).mean()

        assert spread(order(count, lengths)) < 0.3 * spread(order(count))

    def test_long_batches_come_at_any_time(self):
        lengths = np.arange(60)
        batches = lengths[order(60, lengths, epochs=20)].reshape(20, 15, 4).mean(axis=2)
        assert len(set(batches.argmax(axis=1))) > 5
        assert len(set(batches.argmin(axis=1))) > 5

    def test_with_lengths_the_order_depends_on_seed_and_epoch_alone(self):
        lengths = np.arange(40) % 7
        seen = order(40, lengths)
        schedule = TrainingSchedule(40, settings(), lengths)
        backwards = [schedule.photo(place) for place in reversed(range(len(schedule)))]
        assert backwards[::-1] == seen
        assert order(40, lengths, epochs=5)[:120] == seen
        assert order(40, lengths, learning_rate=1.0, gradient_accumulation=2) == seen
        assert order(40, lengths, seed=1) != seen
        assert len({tuple(seen[start : start + 40]) for start in (0, 40, 80)}) == 3

    def test_a_batch_larger_than_the_data_names_the_setting(self):
        with pytest.raises(TrainingError, match=r"of 4 photos .* the 3 .*`training\.batch_size`"):
            TrainingSchedule(3, settings())


class TestTrainingSet:
    def test_the_same_place_gives_the_same_picture(self, photos):
        seen = training_set(photos)
        pictures = [seen[place][0] for place in range(8)]
        again = training_set(photos)
        for place in reversed(range(8)):
            assert torch.equal(again[place][0], pictures[place])

    def test_another_epoch_varies_a_photo_in_another_way(self, photos):
        seen = training_set(photos)
        names = seen.photo_ids(list(range(len(seen))))
        first = names.index(names[-1])
        assert first != len(seen) - 1
        assert not torch.equal(seen[first][0], seen[len(seen) - 1][0])

    def test_another_seed_varies_a_photo_in_another_way(self, photos):
        first, second = training_set(photos, seed=0), training_set(photos, seed=1)
        place = second.photo_ids(list(range(8))).index(first.photo_ids([0])[0])
        assert not torch.equal(first[0][0], second[place][0])

    def test_the_callers_random_numbers_stay_as_they_are(self, photos):
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        training_set(photos)[0]
        assert torch.equal(torch.rand(3), expected)

    def test_a_picture_belongs_to_its_label_and_its_name(self, photos):
        seen = training_set(photos, augmentation=UNVARIED)
        for place in range(8):
            picture, label, at, question = seen[place]
            [name] = seen.photo_ids([place])
            content = photos.contents[photos.photo_ids.index(name)]
            photo = resize_photo(decode_photo(photos.store.jpeg(content)), *SIZE)
            difference = picture.float() - torch.tensor(photo).permute(2, 0, 1).float()
            assert difference.abs().mean() < 3
            assert name.startswith(f"train/{label}/")
            assert at == place
            assert question is None


class TestQuestions:
    @pytest.fixture
    def asked(self, photos):
        return replace(photos, questions=Questions())

    def test_the_same_place_gives_the_same_question_and_another_epoch_another(self, asked):
        seen, again = training_set(asked), training_set(asked)
        questions = [seen[place][3] for place in range(len(seen))]
        for place in reversed(range(len(seen))):
            assert again[place][3] == questions[place]
        assert len(set(questions)) == len(questions)

    def test_another_seed_words_a_photos_question_in_another_way(self, asked):
        first, second = training_set(asked, seed=0), training_set(asked, seed=1)
        place = second.photo_ids(list(range(8))).index(first.photo_ids([0])[0])
        assert first[0][3][:2] == second[place][3][:2]
        assert first[0][3] != second[place][3]

    def test_a_batch_lists_the_questions_in_the_order_of_its_photos(self, asked):
        seen = training_set(asked, augmentation=UNVARIED)
        plain = settings(mixing=MixingParameters(cutmix=0, mixup=0))
        batch = BatchMixing(plain, plain_from=0)([seen[place] for place in (6, 1, 3)])
        assert isinstance(batch["questions"], list)
        told = [question[:2] for question in batch["questions"]]
        assert told == list(zip(seen.photo_ids([6, 1, 3]), batch["labels"].tolist(), strict=True))

    def test_a_batch_of_photos_that_nobody_asks_about_has_no_questions(self, photos):
        seen = training_set(photos)
        batch = BatchMixing(settings(), plain_from=0)([seen[place] for place in range(4)])
        assert "questions" not in batch

    def test_lengths_belong_to_the_photos(self, photos, asked):
        assert photos.lengths() is None
        assert asked.lengths().tolist() == list(range(10))
        assert asked.take(np.array([7, 2])).lengths().tolist() == [7, 2]


class TestTake:
    def test_integers_choose_and_order(self, photos):
        taken = photos.take(np.array([7, 2]))
        assert taken.photo_ids == (photos.photo_ids[7], photos.photo_ids[2])
        assert taken.contents == (photos.contents[7], photos.contents[2])
        assert taken.labels.tolist() == [photos.labels[7], photos.labels[2]]

    def test_a_mask_chooses(self, photos):
        assert photos.take(np.arange(10) < 2).photo_ids == photos.photo_ids[:2]


class TestBatchMixing:
    ALWAYS = MixingParameters(cutmix=0, mixup=1)

    def batch(self, photos, places, plain_from, **changes):
        seen = training_set(photos)
        mixing = BatchMixing(settings(mixing=self.ALWAYS, **changes), plain_from)
        return mixing([seen[place] for place in places])

    def test_a_batch_before_the_last_part_is_mixed(self, photos):
        batch = self.batch(photos, [4, 5, 6, 7], plain_from=8)
        assert (batch["share"] < 1).all()
        assert not torch.equal(batch["labels"], batch["other_labels"])

    def test_a_batch_of_the_last_part_is_plain(self, photos):
        batch = self.batch(photos, [8, 9, 10, 11], plain_from=8)
        seen = training_set(photos)
        assert torch.equal(batch["photos"], torch.stack([seen[n][0] for n in (8, 9, 10, 11)]))
        assert batch["share"].tolist() == [1.0] * 4

    def test_a_batch_is_always_mixed_in_the_same_way(self, photos):
        first, second = (self.batch(photos, [0, 1, 2, 3], plain_from=8) for _ in range(2))
        assert torch.equal(first["photos"], second["photos"])
        assert torch.equal(first["share"], second["share"])

    def test_another_batch_and_another_seed_are_mixed_in_another_way(self, photos):
        shares = {
            self.batch(photos, range(start, start + 4), 12, seed=seed)["share"][0].item()
            for start, seed in ((0, 0), (4, 0), (0, 1))
        }
        assert len(shares) == 3

    def test_a_batch_keeps_its_places(self, photos):
        assert self.batch(photos, [4, 5, 6, 7], plain_from=8)["places"].tolist() == [4, 5, 6, 7]

    def test_training_mixes_no_batch_of_its_last_part(self, tmp_path, monkeypatch):
        asked = []
        mix = photo_batches.mix_batch
        monkeypatch.setattr(
            photo_batches, "mix_batch", lambda *given: asked.append(given[-1]) or mix(*given)
        )
        train(tiny_job(tmp_path, mixing=MixingParameters(off_for_last=0.25)), tmp_path / "model")
        assert asked == [True] * 15 + [False] * 5
