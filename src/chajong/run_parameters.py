"""All parameters of a run but those of its members, as one model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chajong.engine import Engine
from chajong.parameters import Globals, ParameterError, RunSettings, read_settings
from chajong.pipelines.data_processing.parameters import DataProcessingParameters
from chajong.pipelines.ensembling.parameters import EnsemblingParameters
from chajong.pipelines.inference.parameters import InferenceParameters
from chajong.pipelines.reporting.parameters import ReportingParameters
from chajong.pipelines.search.parameters import SearchParameters

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class RunParameters(RunSettings):
    """What stands in ``parameters.yml`` and ``globals.yml``, and on the command line.

    Attributes:
        engine: Where long work is computed.
        data_processing: Of the pipeline of this name, as those below.
        ensembling: How members are pooled.
        inference: How new photos are answered.
        search: What is indexed.
        reporting: What the pages tell people.
    """

    engine: Engine = Engine()
    data_processing: DataProcessingParameters = DataProcessingParameters()
    ensembling: EnsemblingParameters = EnsemblingParameters()
    inference: InferenceParameters = InferenceParameters()
    search: SearchParameters = SearchParameters()
    reporting: ReportingParameters = ReportingParameters()


def check_parameters(
    shared: Mapping[str, Any], written: Mapping[str, Any], given: Collection[str]
) -> None:
    """See that there is no parameter that nobody reads, and none of a wrong type.

    Args:
        shared: What ``globals.yml`` says.
        written: The other parameters but those of members, with those of the command line.
        given: The names on the command line.

    Raises:
        ParameterError: Some are unknown, wrong, or stand where nobody reads them.
    """
    read_settings(Globals, shared, "globals.yml has settings that cannot be used.")
    misplaced = sorted(RunSettings.model_fields.keys() & written.keys() - {"seed", *given})
    if misplaced:
        message = (
            f"{', '.join(misplaced)} in parameters.yml would be read by nobody: write it into "
            "globals.yml, or give it by --params."
        )
        raise ParameterError(message)
    title = "Some parameters cannot be used."
    read_settings(RunParameters, {**shared, **written}, title)
