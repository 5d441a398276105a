"""Parameters of search."""

from pydantic import Field

from chajong.parameters import Seeded
from chajong.search.vector_index import IndexParameters
from chajong.texts import Language


class SearchParameters(Seeded):
    """What is indexed.

    Attributes:
        encoder: The frozen member whose features are indexed; where it is not given, the first
            that also reads words, else the first that has features.
        index: How the index is built.
        similar_models: Models that are listed for each photo.
        thumbnail_side: Longest side in pixels of the photos that the page shows.
        language: The language of the summary.
        results_dir: Where the results are, for the summary.
    """

    encoder: str | None = None
    index: IndexParameters = IndexParameters()
    similar_models: int = Field(10, ge=1)
    thumbnail_side: int = Field(256, ge=16)
    language: Language = "en"
    results_dir: str = "data"
