"""What a tiny member of each kind says of its cost, measured by its own trial."""

from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest
from tiny_members import MEMBERS

from chajong.members.configuration import completed_blocks, merged
from chajong.members.cost import PhotoCounts, Sample, looking_speeds
from chajong.members.registry import KINDS
from chajong.members.trained.kind import TrainedKind

COUNTS = PhotoCounts(train=1000, test=100, folds=5, calibration=0.06)

TRAINED = [name for name, kind in MEMBERS.items() if isinstance(KINDS[kind], TrainedKind)]

every_member = pytest.mark.parametrize("name", MEMBERS)


@pytest.fixture(scope="module")
def speeds(run, tables, tmp_path_factory):
    """Try every member, after those that it builds on; tiny models need no patience."""
    found = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("chajong.encoders.backends.PATIENCE", 0.1)
        for name, member in run.members.items():
            sample = Sample(tables, 2, tmp_path_factory.mktemp(name), found)
            found[name] = member.kind.speeds(member.parameters, sample)
    return found


@pytest.fixture
def seconds(run, blocks, speeds, tmp_path):
    """Estimate what a member takes with changes in its block, with nothing lost at the start."""
    whole = completed_blocks(blocks)

    def estimate(name, changes, counts=COUNTS, starting=0.0):
        kind = KINDS[MEMBERS[name]]
        parameters = kind.parameters.model_validate(merged(whole[name], changes))
        measured = speeds[name] | {"starting": starting}
        return kind.seconds(parameters, measured, counts, tmp_path)

    return estimate


@every_member
def test_a_trial_measures_time(speeds, name):
    lost = speeds[name].get("starting", 0.0)
    assert lost >= 0
    assert all(value > 0 for what, value in speeds[name].items() if what != "starting")


@every_member
def test_each_size_takes_less_time_than_the_one_before(run, seconds, name):
    member = run.members[name]
    sizes = member.kind.sizes(member.parameters)
    assert sizes[0] == {}
    estimates = [seconds(name, changes) for changes in sizes]
    assert all(later < before for before, later in pairwise(estimates))


@every_member
def test_more_photos_take_more_time(seconds, name):
    twice = replace(COUNTS, train=2 * COUNTS.train, test=2 * COUNTS.test)
    assert 1.5 < seconds(name, {}, twice) / seconds(name, {}) < 5


def test_features_that_are_kept_are_not_made_again(run, speeds):
    name = "byobnet"
    run.finish(name)
    member, counts = run.members[name], PhotoCounts(20, 0, 2, 0.0)
    scratch = run.catalog.load(f"{name}.scratch")
    kept, new = (
        member.kind.seconds(member.parameters, {**speeds[name], "fitting": 0.0}, counts, folder)
        for folder in (scratch, scratch / "elsewhere")
    )
    assert kept == 0 < new


def test_a_trained_fold_costs_its_epochs(seconds, speeds):
    """The obvious sum, of one epoch more."""
    more = seconds("backbone", {"training": {"epochs": 3}}) - seconds("backbone", {})
    photos = 1000 * 0.94 * 4 / 5
    assert more == pytest.approx(5 * photos * speeds["backbone"]["learning"])


@pytest.mark.parametrize("name", TRAINED)
def test_folds_side_by_side_take_as_long_as_their_rounds(seconds, monkeypatch, name):
    monkeypatch.setattr("chajong.members.cost.folds_at_once", lambda folds: 1)
    alone = seconds(name, {})
    monkeypatch.setattr("chajong.members.cost.folds_at_once", lambda folds: 2)
    assert seconds(name, {}) == pytest.approx(alone * 3 / 5)


def test_only_where_alphas_differ_each_looks_at_the_photos_of_the_fold(seconds, speeds):
    one, two = (
        seconds("clip", {"model": {"wise_ft_alphas": alphas}}) for alphas in ([0.5], [0.5, 1.0])
    )
    views, own = 2, 188
    assert two - one == pytest.approx(5 * 2 * own * views * speeds["clip"]["looking"])


def test_the_photos_of_a_fold_are_counted_once():
    assert COUNTS.learnt + COUNTS.scored == pytest.approx(COUNTS.all)
    assert COUNTS.learnt == pytest.approx(752)
    assert COUNTS.scored == pytest.approx(188 + 60 + 100)


@pytest.mark.parametrize(
    ("passes", "typical"),
    [
        ([10.0, 3.0], 3.0),  # the back-end was chosen in the first pass
        ([2.3, 4.0, 0.8], 0.8),  # in the second one, which lost time by it
        ([2.0, 0.2, 0.2, 2.0, 0.6, 0.7], 0.65),
    ],
)
def test_a_trial_lasts_until_a_faster_back_end_would_have_been_found(
    monkeypatch, tables, passes, typical
):
    left, clock = list(passes), [0.0]
    monkeypatch.setattr("chajong.encoders.backends.PATIENCE", 2.5)
    monkeypatch.setattr("chajong.members.cost.time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def encode_all(contents, store, encoder):
        clock[0] += left.pop(0)

    monkeypatch.setattr("chajong.encoders.extraction.encode_all", encode_all)
    speeds = looking_speeds(None, tables.store, views=2)
    assert speeds["looking"] == pytest.approx(typical / len(tables.store) / 2)
    assert speeds["starting"] == pytest.approx(sum(passes) - len(passes) * typical)
    assert left == []


def test_what_is_lost_at_the_start_is_lost_once_a_fold(seconds):
    assert seconds("backbone", {}, starting=7.0) - seconds("backbone", {}) == pytest.approx(5 * 7)
    assert seconds("byobnet", {}, starting=7.0) - seconds("byobnet", {}) == pytest.approx(7)


def test_a_training_is_cut_to_a_quarter_and_looks_are_cut_to_one(run):
    backbone, byobnet = run.members["backbone"], run.members["byobnet"]
    eight = backbone.parameters.training.model_copy(update={"epochs": 8})
    changes = backbone.kind.sizes(backbone.parameters.model_copy(update={"training": eight}))
    assert [each.get("training", {}).get("epochs") for each in changes] == [None, 7, 6, 5, 4, 3, 2]
    encoder = byobnet.parameters.encoder.model_copy(update={"flip": True, "zoom": (1.0, 1.4)})
    views = byobnet.kind.sizes(byobnet.parameters.model_copy(update={"encoder": encoder}))
    assert views == [
        {},
        {"encoder": {"flip": False}},
        {"encoder": {"flip": False, "zoom": [1.0]}},
    ]
