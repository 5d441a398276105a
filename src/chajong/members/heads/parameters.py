"""What a person can choose about light heads."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from chajong.encoders.parameters import Revision
from chajong.names.embedding import NameLanguage
from chajong.parameters import Strict

HeadName = Literal["name_aware", "logistic_regression", "prototypes", "neighbours"]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]


class HeadsParameters(Strict):
    """Which heads are tried, and with which settings; the best of each kind are pooled.

    Attributes:
        kinds: Heads that are tried.
        signed_square_root: Whether features x become sign(x) √|x|.
        l2: Whether each photo's features are divided by their length.
        scales: Factors between cosine and logit of the prototypes that logistic regression starts
            from.
        pulls: How strongly it is pulled towards them: λ in cross entropy + λ/2 ‖W - W₀‖².
        shrinkages: Shares of the identity in the covariance under which class means are compared.
        whitening_shrinkage: The same for the whitening before cosines are taken.
        neighbours: Numbers of neighbours that vote.
        sharpness: Cosine difference over which a neighbour's vote falls by a factor e.
        name_weights: α in photo prototype + α · projected name embedding.
        name_model: ``characters``, or a SentenceTransformer by name or local folder.
        name_revision: Commit, branch or tag of its hub repository.
        name_language: Language of the sentences that a SentenceTransformer encodes; ``automatic``
            is the one that its tokenizer reads in fewer pieces.
    """

    kinds: tuple[HeadName, ...] = Field(get_args(HeadName), min_length=1)
    signed_square_root: bool = True
    l2: bool = True
    scales: tuple[Positive, ...] = Field((16.0,), min_length=1)
    pulls: tuple[Positive, ...] = Field((1e-3, 3e-4, 1e-4, 3e-5, 1e-5), min_length=1)
    shrinkages: tuple[Share, ...] = Field((0.1, 0.2, 0.3, 0.5, 1.0), min_length=1)
    whitening_shrinkage: Share = 0.5
    neighbours: tuple[Annotated[int, Field(ge=1)], ...] = Field((10, 20), min_length=1)
    sharpness: Positive = 0.05
    name_weights: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (0.0, 0.1, 0.2, 0.3, 0.5), min_length=1
    )
    name_model: str = Field("characters", min_length=1)
    name_revision: Revision = "main"
    name_language: NameLanguage = "automatic"
