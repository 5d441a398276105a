"""Parameters of ensembling."""

from pydantic import Field

from chajong.members.cards.weights import WeightsRule
from chajong.parameters import Seeded
from chajong.texts import Language


class EnsemblingParameters(Seeded):
    """What is pooled, and what the files for people hold.

    Attributes:
        leave_out: Members that are not pooled although their predictions exist.
        test_like_from: AUC of the audit's train-against-test classifier from which the pool is
            also fitted on photos weighted to look like the test photos; 1 never tries it.
        weights_rule: Which pretrained weights members may start from.
        top_k: Names a photo in the top-k table.
        results_dir: Where the results are, for the summary.
        experiment: What a person calls the run, for the history of runs.
        language: The language of the summary and of the ensemble's model card.
    """

    leave_out: tuple[str, ...] = ()
    test_like_from: float = Field(0.7, ge=0.5, le=1)
    weights_rule: WeightsRule = WeightsRule()
    top_k: int = Field(5, ge=1)
    results_dir: str = "data"
    experiment: str = "chajong"
    language: Language = "en"
