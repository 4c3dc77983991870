"""The user's token of the hub is sent where the hub asks for it, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Fetched = TypeVar("Fetched")


def only_if_asked(fetch: Callable[[bool], Fetched]) -> Fetched:
    """Fetch something without the user's token, and again with it if the repository is gated or private.

    Args:
        fetch: Called with whether to send the token, as `token` of huggingface_hub.

    Raises:
        RepositoryNotFoundError: It is not there, or not for this user.
    """
    from huggingface_hub import errors, get_token

    try:
        return fetch(False)
    except (errors.GatedRepoError, errors.RepositoryNotFoundError):
        if get_token() is None:
            raise
        return fetch(True)
