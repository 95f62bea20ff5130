"""Brings the files of a model into the cache: resumed when cut, checked before they are stored, linked last.

A blob gets its name when it is whole and its SHA-256 is right; a branch gets its commit when every file is
there. So what the cache holds can be believed, whenever the power went off. Used by `hornbook.hub.download`.
"""

import hashlib
import logging
import os
import re
import shutil
import time
from pathlib import Path
from typing import Any, BinaryIO

from hornbook.errors import DownloadError, IntegrityError
from hornbook.files import write_whole
from hornbook.hub.cache import OPTIONAL_FILES, RepoCache
from hornbook.hub.client import ConnectionLostError, ContentChangedError, HubClient, RemoteFile, progress_bar
from hornbook.hub.folder import CONFIG, WEIGHTS, WEIGHTS_INDEX
from hornbook.hub.names import COMMIT
from hornbook.hub.shards import read_weight_map

__all__ = ["fetch_model"]

SHA256 = re.compile(r"[0-9a-f]{64}")
CHUNK_BYTES = 1 << 20
MAX_FAILURES = 5
"""Attempts in a row that bring no byte before the transfer is given up."""
FIRST_WAIT_S = 0.25

logger = logging.getLogger(__name__)


def fetch_model(hub: HubClient, cache: RepoCache, revision: str) -> str:
    """Stores what a model needs of `revision` and is not stored yet.

    Returns:
        The commit, whose snapshot in `cache` is then complete.

    Raises:
        DownloadError: the Hub cannot be reached, refuses, or the repository holds no model that we read.
        IntegrityError: what arrived is not what the Hub promised; nothing of it is kept.
        OSError: the cache cannot be written.
    """
    cache.folder.parent.mkdir(parents=True, exist_ok=True)
    commit, names = hub.list_files(revision)
    for name in _wanted(hub.repo_id, names):
        _fetch_file(hub, cache, commit, name)
    if WEIGHTS not in names:
        for shard in sorted(set(read_weight_map(cache.snapshot(commit) / WEIGHTS_INDEX).values())):
            _fetch_file(hub, cache, commit, shard)
    for name in OPTIONAL_FILES:
        if name not in names:
            _write(cache.absence(commit, name), b"")
    if not COMMIT.fullmatch(revision):
        _write(cache.ref(revision), commit.encode("ascii"))
    return commit


def _wanted(repo_id: str, names: frozenset[str]) -> list[str]:
    """The files to fetch, small ones first."""
    if CONFIG not in names:
        raise DownloadError(f"{repo_id}: has no {CONFIG}; is it a model?")
    weights = next((name for name in (WEIGHTS, WEIGHTS_INDEX) if name in names), None)
    if weights is None:
        raise DownloadError(f"{repo_id}: has no {WEIGHTS}; only safetensors are read, no pickle")
    return [CONFIG, *(name for name in OPTIONAL_FILES if name in names), weights]


def _fetch_file(hub: HubClient, cache: RepoCache, commit: str, name: str) -> None:
    target = cache.snapshot(commit) / name
    if target.is_file():
        return
    remote = hub.describe(commit, name)
    try:
        blob = _stored_blob(hub, cache, remote)
    except ContentChangedError:
        blob = _stored_blob(hub, cache, hub.describe(commit, name))
    _link(blob, target)


def _stored_blob(hub: HubClient, cache: RepoCache, remote: RemoteFile) -> Path:
    """The blob of a file, fetched if the cache does not have it whole."""
    blob = cache.blob(remote.etag)
    if blob.is_file() and remote.size in (None, blob.stat().st_size):
        return blob
    blob.parent.mkdir(parents=True, exist_ok=True)
    try:
        with write_whole(blob) as stream, progress_bar(remote) as bar:
            _Transfer(hub, remote, stream, bar).run()
    except OSError as problem:
        # A full disk does not say which: the user needs the path.
        if problem.errno is None or problem.filename is not None:
            raise
        raise OSError(problem.errno, problem.strerror, str(blob)) from None
    return blob


class _Transfer:
    """The bytes of one file on their way from the Hub into an open file."""

    def __init__(self, hub: HubClient, remote: RemoteFile, stream: BinaryIO, bar: Any) -> None:
        self._hub = hub
        self._remote = remote
        self._stream = stream
        self._bar = bar
        self._position = 0
        self._digest = hashlib.sha256()

    def run(self) -> None:
        """Receives the whole file, resuming where a connection is cut, and checks it."""
        failures = 0
        while True:
            before = self._position
            try:
                self._receive()
                break
            except ConnectionLostError:
                failures = 1 if self._position > before else failures + 1
                if failures > MAX_FAILURES:
                    raise
            logger.warning("%s: connection lost, resuming at %d", self._remote.name, self._position)
            time.sleep(FIRST_WAIT_S * 2 ** (failures - 1))
        self._verify()

    def _receive(self) -> None:
        size = self._remote.size
        if self._position and self._position == size:
            return  # cut after the last byte: there is nothing to ask for
        with self._hub.open(self._remote, self._position) as response:
            if self._position:
                self._check_range(response)
            for chunk in response.iter_bytes():
                self._take(chunk)
        if size is not None and self._position < size:
            raise ConnectionLostError(f"{self._shown()}: ends after {self._position} of {size} bytes")

    def _check_range(self, response: Any) -> None:
        """A server may ignore the range and send the whole file again; another range is of no use."""
        if response.status_code != 206:
            self._restart()
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {self._position}-"):
            raise IntegrityError(f"{self._shown()}: asked for bytes from {self._position}, got others")

    def _restart(self) -> None:
        self._stream.seek(0)
        self._stream.truncate()
        self._bar.reset()
        self._position = 0
        self._digest = hashlib.sha256()

    def _take(self, chunk: bytes) -> None:
        self._position += len(chunk)
        if self._remote.size is not None and self._position > self._remote.size:
            raise IntegrityError(f"{self._shown()}: expected {self._remote.size} bytes, got more")
        self._stream.write(chunk)
        self._digest.update(chunk)
        self._bar.update(len(chunk))

    def _verify(self) -> None:
        """The ETag of a large file is the SHA-256 of its content; that of a small one tells us nothing."""
        expected, got = self._remote.etag, self._digest.hexdigest()
        if SHA256.fullmatch(expected) and got != expected:
            raise IntegrityError(
                f"{self._shown()}: sha256 expected {expected} got {got}; nothing is kept, try again"
            )

    def _shown(self) -> str:
        return f"{self._hub.repo_id}: {self._remote.name}"


def _link(blob: Path, target: Path) -> None:
    """Makes the name in the snapshot lead to the blob, in place of whatever is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        target.symlink_to(os.path.relpath(blob, target.parent))
    except (OSError, NotImplementedError):
        shutil.copyfile(blob, target)  # a file system without links


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(path) as stream:
        stream.write(content)
