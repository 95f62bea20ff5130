"""Brings the files of a model into the cache: resumed when cut, checked before they are stored, linked last.

A blob gets its name when it is whole and its SHA-256 is right; a branch gets its commit when every file that
was asked for is stored. So the cache is consistent whenever the power fails. What has arrived of a large
file stays in `blobs/<etag>.incomplete`, locked while a process writes it, and the next download goes on from
there. Used by `hornbook.hub.download`.
"""

import fcntl
import hashlib
import logging
import os
import re
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from hornbook.errors import DownloadError, IntegrityError
from hornbook.files import move_into_place, naming_path, write_whole
from hornbook.hub.cache import OPTIONAL_FILES, RepoCache
from hornbook.hub.client import ConnectionLostError, ContentChangedError, HubClient, RemoteFile
from hornbook.hub.folder import CONFIG, TOKENIZER_FILES, TOKENIZER_FORMS, WEIGHTS, WEIGHTS_INDEX
from hornbook.hub.names import COMMIT
from hornbook.hub.shards import read_weight_map

__all__ = ["fetch_model", "fetch_tokenizer"]

SHA256 = re.compile(r"[0-9a-f]{64}")
TIKTOKEN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}\.tiktoken")
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
    commit, names = _list_files(hub, cache, revision)
    _fetch_files(hub, cache, commit, _files_of_model(hub.repo_id, names))
    if WEIGHTS not in names:
        shards = set(read_weight_map(cache.snapshot(commit) / WEIGHTS_INDEX).values())
        _fetch_files(hub, cache, commit, sorted(shards))
    _note_absent(cache, commit, OPTIONAL_FILES, names)
    _note_commit(cache, revision, commit)
    return commit


def fetch_tokenizer(hub: HubClient, cache: RepoCache, revision: str) -> str:
    """Stores what a tokenizer needs of `revision` and is not stored yet; otherwise as `fetch_model`."""
    commit, names = _list_files(hub, cache, revision)
    if not any(names.issuperset(form) for form in TOKENIZER_FORMS) and not _tiktoken_files(names):
        raise DownloadError(f"{hub.repo_id}: has no tokenizer files; is it a model of text?")
    wanted = (CONFIG, *TOKENIZER_FILES)
    present = [name for name in wanted if name in names]
    _fetch_files(hub, cache, commit, [*present, *_tiktoken_files(names)])
    _note_absent(cache, commit, wanted, names)
    _note_commit(cache, revision, commit)
    return commit


def _list_files(hub: HubClient, cache: RepoCache, revision: str) -> tuple[str, frozenset[str]]:
    # First, so that a cache that cannot be written is told before anything is asked for.
    cache.folder.parent.mkdir(parents=True, exist_ok=True)
    return hub.list_files(revision)


def _files_of_model(repo_id: str, names: frozenset[str]) -> list[str]:
    """The files to fetch, small ones first."""
    if CONFIG not in names:
        raise DownloadError(f"{repo_id}: has no {CONFIG}; is it a model?")
    weights = next((name for name in (WEIGHTS, WEIGHTS_INDEX) if name in names), None)
    if weights is None:
        raise DownloadError(f"{repo_id}: has no {WEIGHTS}; only safetensors are read, no pickle")
    optional = [name for name in OPTIONAL_FILES if name in names]
    return [CONFIG, *optional, *_tiktoken_files(names), weights]


def _tiktoken_files(names: Iterable[str]) -> list[str]:
    """Vocabularies whose names are the model's, such as `qwen.tiktoken`."""
    return sorted(filter(TIKTOKEN.fullmatch, names))


def _note_absent(cache: RepoCache, commit: str, wanted: Iterable[str], names: frozenset[str]) -> None:
    for name in wanted:
        if name not in names:
            _write(cache.absence(commit, name), b"")


def _note_commit(cache: RepoCache, revision: str, commit: str) -> None:
    if not COMMIT.fullmatch(revision):
        _write(cache.ref(revision), commit.encode("ascii"))


def _fetch_files(hub: HubClient, cache: RepoCache, commit: str, names: Iterable[str]) -> None:
    for name in names:
        target = cache.snapshot(commit) / name
        if not target.is_file():
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
    # Only what can be checked later may be kept: the ETag of a small file says nothing of its content.
    partial = blob.with_name(blob.name + ".incomplete")
    with naming_path(blob, partial):
        stream = _open_partial(partial) if SHA256.fullmatch(remote.etag) else None
        if stream is None:
            with write_whole(blob) as private:
                _Transfer(hub, remote, private).run()
        else:
            with stream:
                _continue(stream, partial, blob, _Transfer(hub, remote, stream))
    return blob


def _open_partial(partial: Path) -> BinaryIO | None:
    """What has arrived of a file earlier, locked; None while another process has it."""
    stream = os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
    with suppress(OSError):  # locked by another, or on a file system without locks
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The process that had it may have renamed it meanwhile: then it is the blob, and not to be written.
        if os.path.samestat(partial.stat(), os.fstat(stream.fileno())):
            return stream
    stream.close()
    return None


def _continue(stream: BinaryIO, partial: Path, blob: Path, transfer: "_Transfer") -> None:
    """Brings the rest of a file, and keeps what arrived if that fails, unless it is wrong or nothing."""
    try:
        transfer.read_what_is_here()
        transfer.run()
        move_into_place(stream, partial, blob)
    except BaseException as problem:
        if isinstance(problem, IntegrityError) or transfer.position == 0:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        raise


class _Transfer:
    """The bytes of one file on their way from the Hub into an open file, which may hold some of them."""

    def __init__(self, hub: HubClient, remote: RemoteFile, stream: BinaryIO) -> None:
        self._hub = hub
        self._remote = remote
        self._stream = stream
        self._digest = hashlib.sha256()
        self.position = 0
        """How many bytes have arrived."""

    def run(self) -> None:
        """Receives what is missing of the file, resuming where a connection is cut, and checks all of it."""
        resumed_at = self.position
        with self._hub.progress_bar(self._remote, initial=self.position) as self._bar:
            if resumed_at:
                logger.info("%s: resuming at %d", self._remote.name, resumed_at)
            self._receive_all()
            if resumed_at and not self._is_right():
                logger.warning("%s: what was kept of it is damaged, starting anew", self._remote.name)
                self._restart()
                self._receive_all()
        if not self._is_right():
            raise IntegrityError(
                f"{self._shown()}: sha256 expected {self._remote.etag} got {self._digest.hexdigest()}; "
                "nothing is kept, try again"
            )

    def read_what_is_here(self) -> None:
        """Takes what the file holds for its beginning, unless it is longer than the whole."""
        while chunk := self._stream.read(CHUNK_BYTES):
            self._digest.update(chunk)
            self.position += len(chunk)
        if self._remote.size is not None and self.position > self._remote.size:
            self._forget_all()

    def _receive_all(self) -> None:
        failures = 0
        while True:
            before = self.position
            try:
                self._receive()
                return
            except ConnectionLostError:
                failures = 1 if self.position > before else failures + 1
                if failures > MAX_FAILURES:
                    raise
            logger.warning("%s: connection lost, resuming at %d", self._remote.name, self.position)
            time.sleep(FIRST_WAIT_S * 2 ** (failures - 1))

    def _receive(self) -> None:
        size = self._remote.size
        if self.position and self.position == size:
            return  # cut after the last byte: there is nothing to ask for
        with self._hub.open(self._remote, self.position) as response:
            if self.position:
                self._check_range(response)
            for chunk in response.iter_bytes():
                self._take(chunk)
        if size is not None and self.position < size:
            raise ConnectionLostError(f"{self._shown()}: ends after {self.position} of {size} bytes")

    def _check_range(self, response: Any) -> None:
        """A server may ignore the range and send the whole file again; another range is of no use."""
        if response.status_code != 206:
            self._restart()
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {self.position}-"):
            raise IntegrityError(f"{self._shown()}: asked for bytes from {self.position}, got others")

    def _restart(self) -> None:
        self._forget_all()
        self._bar.reset()

    def _forget_all(self) -> None:
        self._stream.seek(0)
        self._stream.truncate()
        self.position = 0
        self._digest = hashlib.sha256()

    def _take(self, chunk: bytes) -> None:
        self.position += len(chunk)
        if self._remote.size is not None and self.position > self._remote.size:
            raise IntegrityError(f"{self._shown()}: expected {self._remote.size} bytes, got more")
        self._stream.write(chunk)
        self._digest.update(chunk)
        self._bar.update(len(chunk))

    def _is_right(self) -> bool:
        """The ETag of a large file is the SHA-256 of its content; that of a small one tells us nothing."""
        expected = self._remote.etag
        return not SHA256.fullmatch(expected) or self._digest.hexdigest() == expected

    def _shown(self) -> str:
        return f"{self._hub.repo_id}: {self._remote.name}"


def _link(blob: Path, target: Path) -> None:
    """Makes the name in the snapshot lead to the blob, in place of what may have that name."""
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
