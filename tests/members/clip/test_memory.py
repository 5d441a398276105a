import pytest

from chajong.members.clip import fold_models, member
from chajong.members.clip.member import (
    clip_builder,
    predict_folds,
    predict_zero_shot,
)
from chajong.members.clip.prompts import class_prompts
from chajong.members.trained.checkpoint import restore_fold_models
from chajong.members.trained.member import train_member
from chajong.members.trained.views import log_probability_views
from chajong.training.parameters import TrainingParameters
from tools.small_clip import make_small_clip


@pytest.fixture(scope="module")
def tables(make_tables, tmp_path_factory):
    return make_tables(tmp_path_factory.mktemp("photos"), fold_count=3)


@pytest.fixture(scope="module")
def parameters(tables, tiny, parameters_of, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    sentences = class_prompts(tables.classes).in_languages(("korean", "english"))
    texts = [text for of_class in sentences for text in of_class]
    make_small_clip(texts, folder, tiny.model_copy(update={"context": 200, "vocabulary": 600}))
    return parameters_of(folder, wise_ft_alphas=(1.0,))


def test_a_fold_is_let_go_before_the_next(parameters, tables, tmp_path, watched, monkeypatch):
    build = clip_builder(parameters, tables)
    settings = TrainingParameters(epochs=1, batch_size=8, precision="bfloat16")
    weights, _, report = train_member(
        lambda fold: watched(build(fold)), {}, settings, tables, tmp_path, "clip"
    )
    assert watched.built == 3
    for module in (fold_models, member):
        given = module.build_clip_classifier
        monkeypatch.setattr(module, "build_clip_classifier", watched(given))
    checkpoint = predict_folds(weights, report, parameters, tables)[1]
    predict_zero_shot(parameters, tables)
    assert watched.built == 5
    monkeypatch.setattr(member, "build_clip_classifier", given)
    models = restore_fold_models(
        checkpoint,
        lambda fold: build(fold)(),
        lambda model: log_probability_views(model, parameters),
        tables.class_names,
    )
    for model in models.values():
        watched.watch(model)
    del model, models
    assert watched.built == 8
    assert not watched.in_memory()
