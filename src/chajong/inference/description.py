"""What the file of a saved ensemble says; nothing else may stand there, and it has to fit."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from chajong.ensembling.family_temperature import FamilyTemperatures
from chajong.ensembling.pools.pool import Method, Pool
from chajong.parameters import Strict
from chajong.photos.preparation import StoreSettings

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Temperature = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Members = Annotated[tuple[str, ...], Field(min_length=1)]


class SavedPool(Strict):
    """A pool; see `Pool`."""

    method: Method
    weights: tuple[Weight, ...]
    temperature: Temperature
    floor: Annotated[float, Field(ge=0, lt=1)]


class SavedEnsemble(Strict):
    """An ensemble but for what has files of its own; see `chajong.inference.ensemble.Ensemble`.

    Attributes:
        checkpoints: Whose checkpoints are there: the members', and of those that they build on.
        versions: The libraries that it was made with.
    """

    format: int
    members: Members
    pool: SavedPool
    families: tuple[Annotated[tuple[int, ...], Field(min_length=2)], ...]
    family_temperatures: tuple[Temperature, ...]
    checkpoints: Members
    prior: tuple[Weight, ...]
    store_settings: StoreSettings
    figures: dict[str, Any]
    versions: dict[str, str]

    @model_validator(mode="after")
    def _check_that_it_fits(self) -> Self:
        if len(self.pool.weights) != len(self.members):
            raise ValueError(f"the pool has {len(self.pool.weights)} weights for {self.members}")
        if len(self.family_temperatures) != len(self.families):
            raise ValueError("there are not as many families as family temperatures")
        absent = set(self.members) - set(self.checkpoints)
        if absent:
            raise ValueError(f"the members {sorted(absent)} are not among the checkpoints")
        classes = [each for family in self.families for each in family]
        if not set(classes) <= set(range(len(self.prior))) or len(set(classes)) < len(classes):
            raise ValueError("families are not parts of the classes, each in one at most")
        if abs(sum(self.prior) - 1) > _ROUNDED:
            raise ValueError(f"the prior's frequencies sum to {sum(self.prior):.4g}, not 1")
        return self

    def fitted_pool(self) -> Pool:
        """Give the pool."""
        pool = self.pool
        return Pool(pool.method, pool.weights, pool.temperature, pool.floor)

    def fitted_families(self) -> FamilyTemperatures:
        """Give the temperatures inside families."""
        return FamilyTemperatures(self.families, self.family_temperatures)


_ROUNDED = 1e-6
