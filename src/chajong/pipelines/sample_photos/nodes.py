"""Nodes of sample_photos."""

from chajong.datasets import RenderingPlan
from chajong.pipelines.sample_photos.params import SamplePhotosParameters


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
