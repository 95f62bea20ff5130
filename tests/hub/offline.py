"""Looking up what is stored, without a Hub."""

from pathlib import Path

from hornbook.errors import NotCachedError
from hornbook.hub import HubApi, ModelBundle

__all__ = ["find_stored"]


def find_stored(repo_id: str, revision: str | None = None, cache: Path | None = None) -> ModelBundle | None:
    """The stored model, or None where it is not whole."""
    try:
        return HubApi(cache, offline=True).download_model(repo_id, revision)
    except NotCachedError:
        return None
