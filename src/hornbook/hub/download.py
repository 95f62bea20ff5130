"""Downloads models from the Hugging Face Hub into the local cache, and needs no network the second time."""

import logging
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from hornbook.errors import ConfigError, DownloadError, IntegrityError, NotCachedError
from hornbook.hub.cache import RepoCache, cache_folder, offline_from_environment
from hornbook.hub.folder import ModelBundle
from hornbook.hub.names import check_repo_id, check_revision

__all__ = ["HubApi"]

MissingFiles = Callable[[str], list[str]]
"""Names what a commit lacks."""

logger = logging.getLogger(__name__)


class HubApi:
    """The Hugging Face Hub: one call brings a model.

    What a parameter leaves open, the environment decides, as for all Hugging Face tools: HF_HUB_CACHE or
    HF_HOME, HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE.

    Args:
        cache_dir: folder of the cache.
        token: access token for private and gated repositories.
        endpoint: URL of the Hub or of a mirror.
        offline: True never connects; False connects, and lifts HF_HUB_OFFLINE for the client in this process.
        progress: whether downloads show bars, on a terminal.

    Raises:
        ConfigError: `endpoint` is not an http or https URL.

    Example:
        >>> bundle = HubApi().download_model("openai-community/gpt2")  # doctest: +SKIP
        >>> bundle.load_tensors()["wte.weight"].shape  # doctest: +SKIP
        (50257, 768)
    """

    def __init__(
        self,
        cache_dir: Path | str | None = None,
        token: str | None = None,
        endpoint: str | None = None,
        offline: bool | None = None,
        *,
        progress: bool = True,
    ) -> None:
        self.cache_dir = cache_folder() if cache_dir is None else Path(cache_dir).expanduser()
        self.endpoint = _checked_endpoint(endpoint or os.environ.get("HF_ENDPOINT") or None)
        self.offline = offline_from_environment() if offline is None else offline
        self._token = token
        self._lift_offline = offline is False
        self._progress = progress

    def download_model(
        self, repo_id: str, revision: str | None = None, *, refresh: bool = False
    ) -> ModelBundle:
        """Brings a model: configuration, safetensors and tokenizer files, nothing else of its repository.

        A model that is stored whole is returned without any connection, even if its branch has moved on
        since; `refresh` asks again and fetches what has changed. A download that was cut, or ended by Ctrl-C,
        goes on where it was.

        Args:
            repo_id: "owner/name", or "name" for the few that have no owner.
            revision: branch, tag or commit; None is "main".
            refresh: whether to ask the Hub for the newest commit of `revision`.

        Returns:
            The model's folder in the cache.

        Raises:
            ConfigError: `repo_id` or `revision` cannot exist on the Hub, or `refresh` is asked for offline.
            DownloadError: the Hub cannot be reached, refuses, or has no such model in safetensors.
            IntegrityError: what arrived is not what the Hub promised; nothing of it is kept.
            NotCachedError: offline, and files are missing.
            OSError: the cache cannot be written.
        """
        cache = RepoCache.of(check_repo_id(repo_id), self.cache_dir)
        revision = check_revision(revision)
        commit = cache.commit_of(revision)
        if self.offline:
            commit = _stored(cache, repo_id, revision, cache.missing_files, refresh=refresh)
        elif commit is None or refresh or cache.missing_files(commit):
            commit = self._fetch("fetch_model", cache, repo_id, revision)
        elif cache.unsettled_files(commit):
            commit = self._fetch_if_reachable("fetch_model", cache, repo_id, revision) or commit
        return ModelBundle.from_folder(cache.snapshot(commit))

    def download_tokenizer(
        self, repo_id: str, revision: str | None = None, *, refresh: bool = False
    ) -> ModelBundle:
        """Brings the tokenizer of a model, of whatever architecture: its files and the configuration alone.

        What is stored is returned without any connection, as by `download_model`, and the branch stays at the
        commit that is stored unless `refresh` is asked for.

        Args:
            repo_id: as for `download_model`.
            revision: as for `download_model`.
            refresh: as for `download_model`.

        Returns:
            The folder in the cache, which may lack weights and even `config.json`.

        Raises:
            ConfigError: as `download_model`.
            DownloadError: as `download_model`, or the repository has no tokenizer's files.
            NotCachedError: offline, and the tokenizer is not stored.
            OSError: the cache cannot be written.
        """
        cache = RepoCache.of(check_repo_id(repo_id), self.cache_dir)
        revision = check_revision(revision)
        commit = cache.commit_of(revision)
        if self.offline:
            commit = _stored(cache, repo_id, revision, cache.missing_tokenizer_files, refresh=refresh)
        elif commit is None or refresh:
            commit = self._fetch("fetch_tokenizer", cache, repo_id, revision)
        elif cache.missing_tokenizer_files(commit):
            commit = self._fetch("fetch_tokenizer", cache, repo_id, commit)
        elif cache.unsettled_tokenizer_files(commit):
            self._fetch_if_reachable("fetch_tokenizer", cache, repo_id, commit)
        return ModelBundle(cache.snapshot(commit))

    async def download_model_async(
        self, repo_id: str, revision: str | None = None, *, refresh: bool = False
    ) -> ModelBundle:
        """As `download_model`, in a thread of its own, while the event loop goes on."""
        # Whoever awaits this has asyncio loaded; whoever does not is spared the 20 ms of importing it.
        asyncio = import_module("asyncio")
        bundle: ModelBundle = await asyncio.to_thread(self.download_model, repo_id, revision, refresh=refresh)
        return bundle

    def _fetch(self, function: str, cache: RepoCache, repo_id: str, revision: str) -> str:
        # Loaded here because the Hub's client takes longer to import than all the rest.
        client, transfer = import_module("hornbook.hub.client"), import_module("hornbook.hub.transfer")
        hub = client.HubClient(
            repo_id,
            token=self._token,
            endpoint=self.endpoint,
            lift_offline=self._lift_offline,
            progress=self._progress,
        )
        return str(getattr(transfer, function)(hub, cache, revision))

    def _fetch_if_reachable(self, function: str, cache: RepoCache, repo_id: str, revision: str) -> str | None:
        """Asks for files that may not exist and that nothing needs; without the Hub it goes without them."""
        try:
            return self._fetch(function, cache, repo_id, revision)
        except IntegrityError:
            raise
        except DownloadError as problem:
            logger.info("%s: used as it is stored: %s", repo_id, problem)
            return None


def _stored(
    cache: RepoCache, repo_id: str, revision: str, missing_files: MissingFiles, *, refresh: bool
) -> str:
    """The stored commit of a revision, when nothing else may be asked for."""
    if refresh:
        raise ConfigError(f"{repo_id}: cannot be refreshed offline; go online")
    hint = "offline now; go online once to download it"
    commit = cache.commit_of(revision)
    if commit is None or not cache.snapshot(commit).is_dir():
        raise NotCachedError(f"{repo_id}: revision {revision} is not in {cache.folder.parent}; {hint}")
    if missing := missing_files(commit):
        raise NotCachedError(
            f"{repo_id}: only partly in {cache.folder.parent}, missing {', '.join(missing)}; {hint}"
        )
    return commit


def _checked_endpoint(endpoint: str | None) -> str | None:
    if endpoint is None:
        return None
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(f"endpoint {endpoint!r:.120}: expected a URL that begins with http:// or https://")
    return endpoint.rstrip("/")
