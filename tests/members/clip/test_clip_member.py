import numpy as np
import pytest
import torch

from chajong.members.clip.classifier import build_clip_classifier
from chajong.members.clip.fold_models import ChosenAlphas, FoldModels
from chajong.members.clip.interpolation import interpolate
from chajong.members.clip.member import (
    clip_builder,
    model_identity,
    predict_folds,
    predict_zero_shot,
)
from chajong.members.clip.parameters import ClipParameters
from chajong.members.clip.prompts import class_prompts
from chajong.members.trained.member import train_member
from chajong.members.trained.views import log_probability_views
from chajong.predictions.calibration import fit_temperature
from chajong.predictions.contract import normalise_log
from chajong.predictions.metric import log_loss
from chajong.training.moving_average import load_trained_weights, trained_weights
from chajong.training.parameters import MixingParameters, TrainingParameters
from tools.small_clip import SmallClipParameters, make_small_clip

ALPHAS = (0.25, 0.6, 1.0)
NEVER_SEEN = "박스터_718_2017_2024"
NAMES = {
    name: name
    for name in (
        "라브4_4세대_2013_2018",
        "아이오닉5_2021_2024",
        "K5_3세대_2020_2023",
        NEVER_SEEN,
    )
}
TEST_IDS = ["TEST_0", "TEST_1", "TEST_2"]


@pytest.fixture(scope="module")
def tables(make_tables, tmp_path_factory):
    """Three classes with photos and one without, in three folds and a slice."""
    return make_tables(tmp_path_factory.mktemp("photos"), count=42, fold_count=3, names=NAMES)


@pytest.fixture(scope="module")
def parameters(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    prompts = class_prompts(tables.classes).in_languages(("korean", "english"))
    settings = SmallClipParameters(
        photo_model="test_byobnet",
        height=32,
        width=32,
        embedding=16,
        text_width=16,
        text_layers=1,
        text_heads=2,
        vocabulary=600,
        context=200,
    )
    make_small_clip([text for texts in prompts for text in texts], folder, settings)
    return ClipParameters(
        library="open_clip",
        model=f"local-dir:{folder}",
        weights=str(folder),
        flip=False,
        wise_ft_alphas=ALPHAS,
    )


@pytest.fixture(scope="module")
def trained(parameters, tables, tmp_path_factory):
    """Weights by fold, and the report of the training."""
    training = TrainingParameters(
        epochs=2,
        batch_size=8,
        learning_rate=3e-3,
        head_learning_rate=3e-3,
        mixing=MixingParameters(cutmix=0, mixup=0),
    )
    weights, _, report = train_member(
        clip_builder(parameters, tables),
        model_identity(parameters, tables.classes),
        training,
        tables,
        tmp_path_factory.mktemp("scratch"),
        "clip",
    )
    return weights, report


@pytest.fixture(scope="module")
def predicted(trained, parameters, tables):
    return predict_folds(*trained, parameters, tables)


@pytest.fixture(scope="module")
def zero_shot(parameters, tables):
    return predict_zero_shot(parameters, tables)


def photos_of_fold(tables, fold):
    return tables.folds.loc[tables.folds["fold"] == fold, "photo_id"]


def scores_by_name(model, photo_ids, parameters, tables):
    """Ask the model itself, photo by photo."""
    preparation = log_probability_views(model, parameters).preparation
    scores = []
    with torch.no_grad():
        for content in tables.contents_of(photo_ids):
            photo = preparation.pictures(tables.store.jpeg(content))
            scores.append(model.log_probabilities(torch.from_numpy(photo))[0].numpy())
    return np.stack(scores)


class TestFineTuned:
    def test_a_class_without_photos_has_a_probability(self, predicted, tables):
        column = tables.class_names.index(NEVER_SEEN)
        probabilities = np.exp(predicted[0].log_probabilities[:, column])
        assert (probabilities > 0).all()
        assert probabilities.max() < 1

    def test_a_class_without_photos_has_finite_evidence_of_every_kind(
        self, trained, parameters, tables
    ):
        models = FoldModels(trained[0], parameters, tables)
        scored = models.judge(ChosenAlphas({}, 1.0))[0].scored
        assert len(scored.evidence) == 3
        for kind in scored.evidence:
            assert np.isfinite(kind).all()

    def test_a_checkpoint_keeps_the_photos_that_its_models_compare_with(self, predicted, tables):
        folds = tables.folds
        for fold in range(3):
            seen = folds[~folds["fold"].isin([fold, -1]) & folds["label_counts"]]
            labels = predicted[1].tensors[f"evidence.fold_{fold}.labels"]
            assert labels.tolist() == tables.labels_of(seen["photo_id"]).tolist()
            photos = predicted[1].tensors[f"evidence.fold_{fold}.photos"].float()
            assert photos.shape == (len(seen), 1, 16)
            assert torch.allclose(photos.norm(dim=2), torch.ones(len(seen), 1), atol=1e-2)

    def test_metrics_say_what_was_fitted(self, predicted):
        metrics = predicted[2]
        assert metrics["wise_ft_alpha"] in ALPHAS
        assert list(metrics["evidence"]) == ["names", "prototypes", "neighbours"]
        assert all(weight >= 0 for weight in metrics["evidence"].values())

    def test_some_folds_alone_can_be_predicted(self, trained, parameters, tables):
        weights = {fold: trained[0][fold] for fold in (0, 2)}
        predictions, _, _ = predict_folds(weights, trained[1], parameters, tables)
        assert set(predictions.rows["fold"]) == {0, 2}

    def test_a_single_fold_can_be_predicted(self, trained, parameters, tables):
        predictions, _, _ = predict_folds({1: trained[0][1]}, trained[1], parameters, tables)
        assert set(predictions.rows["fold"]) == {1}


class TestAlphas:
    @pytest.fixture
    def disagreeing(self, trained, parameters, tables, relabelled):
        """Weights and tables by which fold 0 is best at another α than 1, and 2 at none."""
        model = build_clip_classifier(parameters, class_prompts(tables.classes))
        start = {name: part.clone() for name, part in trained_weights(model).items()}
        weights = trained[0] | {0: interpolate(start, trained[0][0], 0.2)}
        return weights, relabelled(tables, photos_of_fold(tables, 2))

    def test_each_fold_has_the_alpha_that_is_best_on_the_others(
        self, disagreeing, parameters, tables
    ):
        weights, tables = disagreeing
        model = build_clip_classifier(parameters, class_prompts(tables.classes)).eval()
        start = {name: part.clone() for name, part in trained_weights(model).items()}
        scores, labels = {}, {}
        for fold in range(3):
            own = [name for name in photos_of_fold(tables, fold) if name in counted(tables)]
            labels[fold] = tables.labels_of(own)
            for alpha in ALPHAS:
                load_trained_weights(model, interpolate(start, weights[fold], alpha))
                scores[fold, alpha] = scores_by_name(model, own, parameters, tables)

        def loss(alpha, folds):
            joined = np.concatenate([scores[fold, alpha] for fold in folds])
            given = np.concatenate([labels[fold] for fold in folds])
            return log_loss(normalise_log(joined / fit_temperature(joined, given)), given)

        chosen = FoldModels(weights, parameters, tables).choose_alphas()
        assert len(set(chosen.by_photo.values())) > 1
        for fold in range(3):
            others = [other for other in range(3) if other != fold]
            best = min(ALPHAS, key=lambda alpha: loss(alpha, others))
            assert {chosen.of(name) for name in photos_of_fold(tables, fold)} == {best}
        best = min(ALPHAS, key=lambda alpha: loss(alpha, range(3)))
        assert chosen.overall == best
        assert {chosen.of(name) for name in [*photos_of_fold(tables, -1), *TEST_IDS]} == {best}

    def test_a_folds_labels_do_not_choose_its_own_alpha(self, disagreeing, parameters, relabelled):
        weights, tables = disagreeing

        def choose(tables):
            chosen = FoldModels(weights, parameters, tables).choose_alphas()
            return [{chosen.of(name) for name in photos_of_fold(tables, n)} for n in range(3)]

        before = choose(tables)
        after = choose(relabelled(tables, photos_of_fold(tables, 0)))
        assert after[0] == before[0]
        assert after[1:] != before[1:]

    def test_random_weights_are_never_interpolated(self, trained, parameters, tables):
        random = parameters.model_copy(update={"weights": "random"})
        assert FoldModels(trained[0], random, tables).choose_alphas().overall == 1.0


class TestEvidence:
    def test_it_is_that_of_photos_that_the_model_was_trained_on(
        self, trained, parameters, tables, relabelled
    ):
        alphas = ChosenAlphas({}, 1.0)

        def evidence(photo_ids):
            others = relabelled(tables, photo_ids)
            return FoldModels(trained[0], parameters, others).judge(alphas)[0].scored.evidence

        before = evidence([])
        doubted = tables.folds.loc[~tables.folds["label_counts"], "photo_id"]
        for unseen in (photos_of_fold(tables, 0), photos_of_fold(tables, -1), doubted):
            for kind, expected in zip(evidence(unseen), before, strict=True):
                np.testing.assert_array_equal(kind, expected)
        names, prototypes, neighbours = evidence(photos_of_fold(tables, 1))
        np.testing.assert_array_equal(names, before[0])
        assert np.abs(prototypes - before[1]).max() > 1e-4
        assert np.abs(neighbours - before[2]).max() > 1e-4

    def test_rows_do_not_depend_on_what_was_scored_before(self, trained, parameters, tables):
        alphas = ChosenAlphas({}, 1.0)
        models = FoldModels(trained[0], parameters, tables)
        first = models.judge(alphas)[1].scored
        models.choose_alphas()
        again = models.judge(alphas)[1].scored
        for expected, kind in zip(first.evidence, again.evidence, strict=True):
            np.testing.assert_allclose(kind, expected, atol=1e-5)

    def test_photos_of_one_fold_may_have_different_alphas(self, trained, parameters, tables):
        first, second, *_ = photos_of_fold(tables, 2)
        models = FoldModels(trained[0], parameters, tables)
        mixed = models.judge(ChosenAlphas({first: 0.25, second: 0.6}, 1.0))[2].scored
        for photo, alpha in ((first, 0.25), (second, 0.6), ("TEST_0", 1.0)):
            place = mixed.rows["photo_id"].tolist().index(photo)
            alone = models.judge(ChosenAlphas({}, alpha))[2].scored
            for kind, expected in zip(mixed.evidence, alone.evidence, strict=True):
                np.testing.assert_allclose(kind[place], expected[place], atol=1e-4)


class TestZeroShot:
    def test_it_is_the_models_own_answer_at_the_fitted_temperature(
        self, parameters, tables, relabelled
    ):
        # The towers are initialised at random; by these labels their answers are better than none.
        tables = relabelled(tables, tables.folds["photo_id"])
        predictions, *_ = predict_zero_shot(parameters, tables)
        model = build_clip_classifier(parameters, class_prompts(tables.classes)).eval()
        own = tables.folds[tables.folds["label_counts"] & (tables.folds["fold"] >= 0)]["photo_id"]
        temperature = fit_temperature(
            scores_by_name(model, own, parameters, tables), tables.labels_of(own)
        )
        scores = scores_by_name(model, TEST_IDS, parameters, tables)
        expected = normalise_log(scores / temperature)
        assert np.ptp(expected, axis=1).min() > 0.05
        for fold in range(3):
            rows = (predictions.rows["split"] == "test") & (predictions.rows["fold"] == fold)
            np.testing.assert_allclose(predictions.log_probabilities[rows], expected, atol=1e-3)


class TestIdentity:
    def test_settings_of_prediction_do_not_matter(self, parameters, tables):
        other = parameters.model_copy(
            update={
                "flip": True,
                "zoom": (1.0, 1.3),
                "prediction_batch_size": 3,
                "wise_ft_alphas": (1.0,),
            }
        )
        expected = model_identity(parameters, tables.classes)
        assert model_identity(other, tables.classes) == expected

    @pytest.mark.parametrize(
        "change",
        [
            {"weights": "random"},
            {"image_size": 48},
            {"languages": ("korean",)},
            {"prompts": "averaged"},
            {"objective": "clip"},
            {"contrastive_weight": 0.1},
            {"freeze": ("text",)},
            {"lora_rank": 2},
            {"seed": 1},
        ],
    )
    def test_what_the_model_is_and_learns_matters(self, parameters, tables, change):
        other = parameters.model_copy(update=change)
        expected = model_identity(parameters, tables.classes)
        assert model_identity(other, tables.classes) != expected

    def test_the_sentences_about_the_classes_matter(self, parameters, tables):
        classes = tables.classes.copy()
        classes.at[1, "korean_prompts"] = ["다른 문장"]
        expected = model_identity(parameters, tables.classes)
        assert model_identity(parameters, classes) != expected


def counted(tables):
    return tables.folds.loc[tables.folds["label_counts"], "photo_id"].tolist()
