"""The saved ensemble as a repository of the Hugging Face Hub, with its card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.inference.saved import CURE, find_ensemble
from chajong.manifest import check_folder

if TYPE_CHECKING:
    from pathlib import Path


class PublishingError(RuntimeError):
    """An ensemble that the hub did not take; the message says why, and the fix."""


def publish_ensemble(path: Path, repository: str, *, public: bool = False) -> str:
    """Upload an ensemble in one commit; files that are there already are not sent again.

    Args:
        path: As for `chajong.inference.saved.find_ensemble`.
        repository: ``owner/name``; it is made where there is none.
        public: Whether a repository that is made can be seen by anyone. An ensemble holds a few of
            the photos that it was made with.

    Returns:
        The address of the commit.

    Raises:
        SavedEnsembleError: There is no ensemble.
        DamagedError: It is not what was written.
        PublishingError: The hub did not take it.
    """
    from httpx import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError

    folder = find_ensemble(path)
    check_folder(folder, CURE)
    hub = HfApi()
    try:
        hub.create_repo(repository, private=not public, exist_ok=True)
        commit = hub.upload_folder(
            repo_id=repository, folder_path=folder, commit_message="Upload the ensemble"
        )
    except (HTTPError, OSError, HFValidationError) as error:
        message = (
            f"{folder} was not uploaded to {repository}: {error}. Log in with `hf auth login`, and "
            "see that the token may write to this repository (owner/name)."
        )
        raise PublishingError(message) from error
    return str(commit.commit_url)
