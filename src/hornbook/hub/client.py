"""One repository of the Hub, asked through huggingface_hub; every failure of the client becomes one line.

The only file that imports the client, and `transfer` the only one that imports this file: both are loaded
when something is downloaded, not before.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from huggingface_hub import HfApi, constants, errors, get_hf_file_metadata, get_session, hf_hub_url, utils

from hornbook.errors import DownloadError, NotCachedError
from hornbook.hub.names import COMMIT

__all__ = ["ConnectionLostError", "ContentChangedError", "HubClient", "RemoteFile"]

UTILS: Any = utils
"""The client's helpers; it loads them on demand, which hides them from a type checker."""

# Left alone, the client tells the Hub what else is installed, and for that asks its default endpoint for a
# list, whatever endpoint it is given.
constants.HF_HUB_DISABLE_TELEMETRY = True

ETAG = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")
"""An ETag names a file in the cache: no separators, no leading dot, not endless."""

ACCESS_HINT = "check the name, or set HF_TOKEN if it is private"


class ConnectionLostError(DownloadError):
    """The connection was refused, cut or silent for too long."""


class ContentChangedError(DownloadError):
    """The Hub sends another content than the one that it described."""


@dataclass(frozen=True)
class RemoteFile:
    """What the Hub says of a file.

    Args:
        name: its name in the repository.
        url: where it is read.
        etag: names its content; the SHA-256 of a large file.
        size: bytes; None where the Hub does not say.
    """

    name: str
    url: str
    etag: str
    size: int | None


class HubClient:
    """Asks the Hub about one repository.

    Args:
        repo_id: checked name of the repository.
        token: None leaves it to HF_TOKEN and to what `hf auth login` stored.
        endpoint: URL of the Hub; None is the client's own default.
        lift_offline: whether to go online though the client read HF_HUB_OFFLINE when it was imported.
        progress: whether to show bars, on a terminal.
    """

    def __init__(
        self,
        repo_id: str,
        *,
        token: str | None,
        endpoint: str | None,
        lift_offline: bool,
        progress: bool,
    ) -> None:
        self.repo_id = repo_id
        self.endpoint = (endpoint or constants.ENDPOINT).rstrip("/")
        self._token = token
        self._progress = progress
        if lift_offline:
            constants.HF_HUB_OFFLINE = False

    def list_files(self, revision: str) -> tuple[str, frozenset[str]]:
        """The commit that `revision` is, and the names of its files.

        Raises:
            DownloadError: the Hub cannot be reached, or refuses.
        """
        api = HfApi(endpoint=self.endpoint, token=self._token)
        with self._one_line(f"revision {revision}", revision):
            try:
                info = api.model_info(self.repo_id, revision=revision, timeout=constants.HF_HUB_ETAG_TIMEOUT)
                names = frozenset(file.rfilename for file in info.siblings or ())
            except (AttributeError, KeyError, TypeError, ValueError):
                raise DownloadError(
                    f"{self.endpoint}: does not answer like a Hub; is HF_ENDPOINT right?"
                ) from None
        if not COMMIT.fullmatch(str(info.sha)):
            raise DownloadError(f"{self.endpoint}: names no commit for {self.repo_id}; is HF_ENDPOINT right?")
        return str(info.sha), names

    def describe(self, commit: str, name: str) -> RemoteFile:
        """What the Hub says of the file `name` of a commit.

        Raises:
            DownloadError: the Hub cannot be reached, refuses, or gives an ETag that cannot name a file.
        """
        url = hf_hub_url(self.repo_id, name, revision=commit, endpoint=self.endpoint)
        with self._one_line(name, commit):
            metadata = get_hf_file_metadata(
                url, token=self._token, timeout=constants.HF_HUB_ETAG_TIMEOUT, endpoint=self.endpoint
            )
        if metadata.etag is None:
            raise DownloadError(
                f"{self.repo_id}: the Hub sent no ETag for {name}; it cannot be stored safely"
            )
        if not ETAG.fullmatch(metadata.etag):
            raise DownloadError(
                f"{self.repo_id}: the Hub sent an unusable ETag for {name}: {metadata.etag!r:.80}"
            )
        return RemoteFile(name, url, metadata.etag, metadata.size)

    @contextmanager
    def open(self, remote: RemoteFile, begin: int) -> Iterator[Any]:
        """The response that carries a file from byte `begin` on, or all of it if the Hub ignores that.

        Raises:
            ConnectionLostError: the Hub cannot be reached, or falls silent; asking again may help.
            ContentChangedError: the content is no longer the one described.
            DownloadError: the Hub refuses.
        """
        # Without compression, positions count bytes of the file itself.
        headers = UTILS.build_hf_headers(token=self._token) | {"Accept-Encoding": "identity"}
        if begin:
            headers["Range"] = f"bytes={begin}-"
        timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
        with (
            self._one_line(remote.name, ""),
            get_session().stream(
                "GET", remote.url, headers=headers, timeout=timeout, follow_redirects=True
            ) as response,
        ):
            UTILS.hf_raise_for_status(response)
            self._check_unchanged(remote, response)
            yield response

    def progress_bar(self, remote: RemoteFile, *, initial: int) -> Any:
        """The client's bar on stderr for a file of which `initial` bytes are here; none but on a terminal."""
        hidden = None if self._progress else True
        return UTILS.tqdm(
            total=remote.size, initial=initial, desc=remote.name, unit="B", unit_scale=True, disable=hidden
        )

    def _check_unchanged(self, remote: RemoteFile, response: Any) -> None:
        """Where large files lie, after a redirect, ETags are others: there the SHA-256 decides."""
        etag = response.headers.get("ETag")
        if etag and not response.history and etag.removeprefix("W/").strip('"') != remote.etag:
            raise ContentChangedError(
                f"{self.repo_id}: {remote.name} changed while it was downloaded; try again"
            )

    @contextmanager
    def _one_line(self, subject: str, revision: str) -> Iterator[None]:
        """Turns what the client raises into one of our errors, without the client's tracebacks."""
        try:
            yield
        except errors.OfflineModeIsEnabled:
            raise NotCachedError(
                f"{self.repo_id}: {subject} is not stored, and HF_HUB_OFFLINE forbids asking"
            ) from None
        except errors.HfHubHTTPError as problem:
            raise DownloadError(self._refusal(problem, subject, revision)) from None
        except UTILS.httpx.TimeoutException:
            raise ConnectionLostError(
                f"{self.endpoint}: timed out while asked for {self.repo_id}, {subject}"
            ) from None
        except UTILS.httpx.HTTPError as problem:
            reason = " ".join(str(problem).split()) or type(problem).__name__
            raise ConnectionLostError(
                f"{self.endpoint}: cannot be reached for {self.repo_id}, {subject}: {reason:.200}"
            ) from None

    def _refusal(self, problem: errors.HfHubHTTPError, subject: str, revision: str) -> str:
        status = problem.response.status_code
        if isinstance(problem, errors.GatedRepoError):
            page = f"{self.endpoint}/{self.repo_id}"
            reason = f"gated ({status}); accept its terms at {page} and set HF_TOKEN"
        elif isinstance(problem, errors.RevisionNotFoundError):
            reason = f"no revision {revision} ({status}); is --revision right?"
        elif isinstance(problem, errors.EntryNotFoundError):
            reason = f"no file {subject} ({status})"
        elif status == 401:
            reason = f"not found or not allowed ({status}); {ACCESS_HINT}"
        elif isinstance(problem, errors.RepositoryNotFoundError):
            reason = f"no such repository ({status}); {ACCESS_HINT}"
        elif status == 403:
            reason = f"access to {subject} forbidden ({status}); does HF_TOKEN allow it?"
        else:
            reason = f"the Hub answered {status} for {subject}; try again later"
        return f"{self.repo_id}: {reason}"
