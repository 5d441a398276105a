"""Nodes of sample_photos."""

from dataclasses import dataclass
from pathlib import Path

from chajong.pipelines.sample_photos.params import SamplePhotosParameters


@dataclass(frozen=True)
class RenderingPlan:
    """Which cars are rendered.

    Attributes:
        names: Class names; the cars' looks follow from them.
        train_photos: Train photos a class.
        test_photos: Test photos a class.
        size: Width and height in pixels.
        seed: Seed of everything drawn at random.
    """

    names: tuple[str, ...]
    train_photos: int
    test_photos: int
    size: tuple[int, int]
    seed: int

    def write(self, folder: Path) -> None:
        """Render the cars in the challenge's layout."""
        from chajong.photos.rendered.write import write_rendered_photos

        write_rendered_photos(
            folder,
            self.names,
            train_per_class=self.train_photos,
            test_per_class=self.test_photos,
            seed=self.seed,
            size=self.size,
            oddities=False,
        )


def plan_rendering(parameters: SamplePhotosParameters) -> RenderingPlan:
    """Choose the car models to render.

    Args:
        parameters: Which names, and how many photos of each.

    Returns:
        The plan; saving it renders the photos.

    Raises:
        ValueError: There are not so many names.
    """
    from chajong.names.challenge import challenge_names
    from chajong.photos.rendered.sample_names import sample_names, unseen_names

    if parameters.names == "invented":
        names = sample_names(parameters.models)
    elif parameters.names == "unseen":
        names = unseen_names(parameters.models, parameters.seed)
    else:
        names = challenge_names()[: parameters.models]
    if len(names) < parameters.models:
        message = f"There are {len(names)} names, not {parameters.models}: lower `models`."
        raise ValueError(message)
    return RenderingPlan(
        names=tuple(names),
        train_photos=parameters.train_photos,
        test_photos=parameters.test_photos,
        size=(parameters.width, parameters.height),
        seed=parameters.seed,
    )
