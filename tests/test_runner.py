"""The order of steps."""

from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from chajong.runner import QuickFirst, QuickStepsFirst


def step(name, reads, gives, done, tags=()):
    def note(*given):
        done.append(name)
        return name

    return Node(note, inputs=reads, outputs=gives, name=name, tags=tags)


def some_steps(done):
    return Pipeline(
        [
            step("a_training", None, "weights", done, ["train_folds"]),
            step("b_answer", "weights", "answer", done),
            step("c_quick", None, "features", done),
            step("d_head", "features", "head", done),
            step("e_pool", ["answer", "head"], "pool", done),
        ]
    )


def test_trainings_come_after_all_that_does_not_need_them():
    done = []
    QuickStepsFirst().run(some_steps(done), DataCatalog())
    assert done == ["c_quick", "d_head", "a_training", "b_answer", "e_pool"]


def test_each_step_comes_after_those_it_depends_on():
    pipeline = some_steps([])
    ordered = QuickFirst(pipeline.nodes)
    assert set(ordered.nodes) == set(pipeline.nodes)
    for place, node in enumerate(ordered.nodes):
        assert pipeline.node_dependencies[node] <= set(ordered.nodes[:place])
