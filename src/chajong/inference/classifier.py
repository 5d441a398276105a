"""The saved ensemble as one object that answers about photos, without a Kedro session."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from chajong.engine import HERE, spread
from chajong.inference.agreement import check_agreement
from chajong.inference.answers import answers_of, join_answers, prior_of
from chajong.inference.given_photos import photo_files
from chajong.inference.member_models import MemberModels, PhotoAnswers
from chajong.inference.new_photos import prepare_new_photos
from chajong.inference.saved import read_ensemble
from chajong.inference.single import single_member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pandas as pd

    from chajong.engine import Engine
    from chajong.inference.answers import Answers
    from chajong.inference.ensemble import Ensemble
    from chajong.inference.given_photos import Photo
    from chajong.inference.new_photos import PhotoFile
    from chajong.photos.store import PhotoStore

PHOTOS_AT_ONCE = 128
"""Photos that are in memory at a time."""


class CarClassifier:
    """Names the cars in photos with calibrated probabilities.

    Example:
        ::

            from chajong import CarClassifier

            cars = CarClassifier.fit("my_photos")
            print(cars.predict("new_photo.jpg"))
    """

    def __init__(self, ensemble: Ensemble) -> None:
        """Take an ensemble; models are built when photos come, or by `warm_up`."""
        self.ensemble = ensemble
        self._models = MemberModels(ensemble.checkpoints, ensemble.classes)
        self._proved = False
        self.lock = Lock()

    @classmethod
    def fit(
        cls,
        raw_dir: str | Path,
        *,
        effort: str = "cpu",
        minutes: float | None = None,
        data_dir: str | Path | None = None,
    ) -> CarClassifier:
        """Train on a folder of photos by the pipelines that `kedro run` runs.

        What an earlier call finished for the same photos is not computed again.

        Args:
            raw_dir: The folder, with `train/<class name>/<photo>` in it.
            effort: How much may be computed: an environment, such as ``quick``, ``cpu``, ``gpu24``
                or ``gpu80``.
            minutes: How long that may take: members are chosen and sized to fit.
            data_dir: The folder for all results, reports among them; `<raw_dir>_results` where it
                is not given.

        Raises:
            ProjectError: The project's `conf/` cannot be found.
            RawDataError: The folder is not in a known layout.
            BudgetError: No member fits into so few minutes.
            Any other error of a run.
        """
        from chajong.project import ENSEMBLE, run_everything

        photos = Path(raw_dir).expanduser().resolve()
        given = photos.with_name(f"{photos.name}_results") if data_dir is None else Path(data_dir)
        results = given.expanduser().resolve()
        run_everything(photos, results, effort, minutes)
        return cls.load(results / ENSEMBLE)

    @classmethod
    def load(cls, path: str | Path, member: str | None = None) -> CarClassifier:
        """Load a saved ensemble.

        Args:
            path: Its directory, or the folder with one directory a run, of which the latest is
                taken.
            member: Answer as this member alone does; the whole ensemble where it is not given.

        Raises:
            SavedEnsembleError: There is no ensemble, it is damaged, or it has no such member.
        """
        classifier = cls(read_ensemble(path))
        return classifier if member is None else classifier.only(member)

    def only(self, member: str) -> CarClassifier:
        """Give one of its members as a classifier of its own.

        Raises:
            SavedEnsembleError: It has no such member.
        """
        return CarClassifier(single_member(self.ensemble, member))

    @property
    def class_names(self) -> tuple[str, ...]:
        """The effective classes, in the order of probabilities."""
        return tuple(self.ensemble.classes["effective_class"].drop_duplicates())

    def warm_up(self) -> None:
        """Build every model that is asked, and see that all of them answer as they did.

        Raises:
            AgreementError: The ensemble, or a member, answers otherwise than when it was saved.
            CheckpointError: A model does not reproduce the scores that were saved with it.
            EncoderError: Weights are missing, or are no longer the same.
        """
        with self.lock:
            for member in self.ensemble.asked:
                self._models.scorer(member)
            self._prove()

    def _prove(self) -> None:
        """Compare with the kept answers before the first answer of its own."""
        if not self._proved:
            check_agreement(self)
            self._proved = True

    def predict(
        self,
        photos: Photo | Sequence[Photo],
        *,
        top_k: int = 5,
        vehicles: Sequence[str] | None = None,
        prior: Mapping[str, float] | None = None,
        progress: bool = False,
    ) -> pd.DataFrame:
        """Name the cars in photos.

        Args:
            photos: A folder, file, glob, list file or fsspec address; a photo's bytes; an RGB array
                uint8 [height, width, 3]; a Pillow image; or a sequence of these.
            top_k: Names a photo.
            vehicles: For a sequence of photos the vehicle of each: photos of one vehicle get one
                answer together.
            prior: How frequent each class is where the photos come from, by name; as in training
                where it is not given.
            progress: Whether to show a progress bar.

        Returns:
            One row a photo (or vehicle) and rank: `photo`, `vehicle`, `status`, `reason`, `rank`,
            `class_name`, `english` and `probability`. Photos that cannot be read have their rows,
            with the class prior and a reason.

        Raises:
            PhotoSourceError: Nothing is found.
            PriorError: The prior names no class, or holds no frequencies.
            ValueError: There are not as many vehicles as photos.
        """
        answers = self.answer(photo_files(photos, vehicles), progress=progress)
        if prior is not None:
            frequencies = prior_of(prior, self.class_names)
            answers = answers.with_prior(self.ensemble.prior, frequencies)
        if vehicles is not None:
            answers = answers.by_vehicle()
        return answers.top(top_k)

    def answer(
        self, files: Sequence[PhotoFile], *, progress: bool = False, engine: Engine = HERE
    ) -> Answers:
        """Answer about photo files; see `predict`.

        Args:
            files: The photos, at least one. The machines of a cluster read them themselves.
            progress: Whether to show a progress bar.
            engine: Where they are answered.

        Raises:
            As `warm_up`, before the first answer.
        """
        from tqdm import tqdm

        starts = range(0, len(files), PHOTOS_AT_ONCE)
        shares = [files[start : start + PHOTOS_AT_ONCE] for start in starts]
        answered: Iterator[tuple[int, Answers]] = enumerate(map(self.answer_share, shares))
        if engine.kind == "ray":
            answered = spread(engine, partial(share_answerer, self.ensemble), shares)
        parts = {}
        bar = tqdm(total=len(files), desc="Naming", unit=" photos", disable=not progress)
        with bar:
            for place, answers in answered:
                parts[place] = answers
                bar.update(len(shares[place]))
        return join_answers([parts[place] for place in range(len(shares))])

    def answer_share(self, files: Sequence[PhotoFile]) -> Answers:
        """Answer about photos that are in memory at once; see `answer`."""
        photos = prepare_new_photos(files, self.ensemble.store_settings)
        values = np.empty((0, len(self.class_names)), np.float32)
        if photos.contents:
            with self.lock:
                self._prove()
                values = self.ensemble.log_probabilities(self.asked(photos.contents, photos.store))
        return answers_of(photos, values, self.ensemble.prior, self.ensemble.classes)

    def asked(self, contents: Sequence[str], store: PhotoStore) -> PhotoAnswers:
        """Give what each member says about photos of a store.

        Args:
            contents: sha-256 of each photo, at least one.
            store: The photos.
        """
        return PhotoAnswers(self._models, contents, store)


def share_answerer(ensemble: Ensemble) -> Callable[[Sequence[PhotoFile]], Answers]:
    """Build a classifier on a machine of a cluster; it proves itself before its first answer."""
    return CarClassifier(ensemble).answer_share
