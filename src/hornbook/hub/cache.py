"""The local cache of the Hub, which all Hugging Face tools share: what it holds, without any network.

    models--openai-community--gpt2/
        refs/main                           text: a commit
        snapshots/<commit>/config.json      a link to
        blobs/<etag>                        the content, once, whatever the number of commits that have it
        .no_exist/<commit>/merges.txt       an empty file: this commit has no such file

Filling it: `hornbook.hub.download`.
Source: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hornbook.errors import ModelFormatError
from hornbook.hub.folder import (
    CONFIG,
    GENERATION_CONFIG,
    MERGES,
    TOKENIZER,
    TOKENIZER_FILES,
    TOKENIZER_FORMS,
    VOCAB,
    WEIGHTS,
    WEIGHTS_INDEX,
)
from hornbook.hub.names import COMMIT, DEFAULT_REVISION, check_repo_id
from hornbook.hub.shards import read_weight_map

__all__ = [
    "OPTIONAL_FILES",
    "CachedModel",
    "RepoCache",
    "cache_folder",
    "cached_models",
    "offline_from_environment",
]

OPTIONAL_FILES = (GENERATION_CONFIG, *TOKENIZER_FILES)
"""What a model may have beside its configuration and weights."""
TOKENIZER_AND_CONFIG = (CONFIG, *TOKENIZER_FILES)

PREFIX = "models--"
TRUE_WORDS = {"1", "ON", "YES", "TRUE"}


@dataclass(frozen=True)
class CachedModel:
    """One stored snapshot of a repository.

    Args:
        repo_id: "owner/name", or "name".
        revision: the branch or tag that leads here, "main" before others; the commit where none does.
        commit: 40 hexadecimal digits.
        size_bytes: size of the files, each counted once.
        path: the folder.
        complete: whether configuration, weights and tokenizer are all stored.
    """

    repo_id: str
    revision: str
    commit: str
    size_bytes: int
    path: Path
    complete: bool


@dataclass(frozen=True)
class RepoCache:
    """Where the cache keeps one repository.

    Args:
        folder: the folder `models--owner--name`.
    """

    folder: Path

    @classmethod
    def of(cls, repo_id: str, cache_dir: Path | str | None = None) -> "RepoCache":
        """The folder of `repo_id`, which need not exist, in `cache_dir` or in the user's cache.

        Raises:
            ConfigError: `repo_id` is not a name of a repository.
        """
        root = cache_folder() if cache_dir is None else Path(cache_dir).expanduser()
        return cls(root / (PREFIX + check_repo_id(repo_id).replace("/", "--")))

    def ref(self, revision: str) -> Path:
        """The file that says which commit a branch or tag is."""
        return self.folder / "refs" / revision

    def blob(self, etag: str) -> Path:
        """The file that holds the content known to the Hub by `etag`."""
        return self.folder / "blobs" / etag

    def snapshot(self, commit: str) -> Path:
        """The folder of one commit."""
        return self.folder / "snapshots" / commit

    def absence(self, commit: str, name: str) -> Path:
        """The file that marks that the commit has no file `name`."""
        return self.folder / ".no_exist" / commit / name

    def commit_of(self, revision: str) -> str | None:
        """The commit that a revision was when last asked for; None where that is unknown or unreadable."""
        if COMMIT.fullmatch(revision):
            return revision
        try:
            with self.ref(revision).open("rb") as stream:
                commit = stream.read(64).decode("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return commit if COMMIT.fullmatch(commit) else None

    def missing_files(self, commit: str) -> list[str]:
        """What a model cannot run without and is not stored: of configuration, weights, tokenizer."""
        config = [] if self._has(commit, CONFIG) else [CONFIG]
        return config + self._missing_weights(commit) + self._missing_tokenizer(commit)

    def unsettled_files(self, commit: str) -> list[str]:
        """The files neither stored nor known not to exist; with none, nothing is left to ask the Hub."""
        optional = [name for name in OPTIONAL_FILES if self._unsettled(commit, name)]
        return self.missing_files(commit) + optional

    def missing_tokenizer_files(self, commit: str) -> list[str]:
        """What a tokenizer cannot do without and is not stored, though it may exist."""
        names = [name for form in TOKENIZER_FORMS for name in form]
        return [] if self._has_tokenizer(commit) else [n for n in names if not self._has(commit, n)]

    def unsettled_tokenizer_files(self, commit: str) -> list[str]:
        """The configuration and tokenizer files neither stored nor known not to exist."""
        return [name for name in TOKENIZER_AND_CONFIG if self._unsettled(commit, name)]

    def _has_tokenizer(self, commit: str) -> bool:
        if any(all(self._has(commit, name) for name in form) for form in TOKENIZER_FORMS):
            return True
        return any(self.snapshot(commit).glob("*.tiktoken"))

    def _has(self, commit: str, name: str) -> bool:
        return (self.snapshot(commit) / name).is_file()

    def _unsettled(self, commit: str, name: str) -> bool:
        return not self._has(commit, name) and not self.absence(commit, name).is_file()

    def _missing_weights(self, commit: str) -> list[str]:
        if self._has(commit, WEIGHTS):
            return []
        if not self._has(commit, WEIGHTS_INDEX):
            return [WEIGHTS]
        try:
            shards = set(read_weight_map(self.snapshot(commit) / WEIGHTS_INDEX).values())
        except ModelFormatError:
            return [WEIGHTS_INDEX]
        return sorted(shard for shard in shards if not self._has(commit, shard))

    def _missing_tokenizer(self, commit: str) -> list[str]:
        """Any form of the tokenizer will do; where none is stored, those of GPT-2 are asked for."""
        if self._has_tokenizer(commit):
            return []
        return [name for name in (TOKENIZER, VOCAB, MERGES) if self._unsettled(commit, name)]


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of the cache, by HF_HUB_CACHE, HF_HOME and XDG_CACHE_HOME as the Hub's client reads them."""

    def from_variable(name: str, default: str) -> str:
        return os.path.expandvars(environment.get(name) or default)

    base = from_variable("XDG_CACHE_HOME", "~/.cache")
    home = from_variable("HF_HOME", f"{base}/huggingface")
    older = from_variable("HUGGINGFACE_HUB_CACHE", f"{home}/hub")
    return Path(from_variable("HF_HUB_CACHE", older)).expanduser()


def offline_from_environment(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids the network."""
    value = environment.get("HF_HUB_OFFLINE") or environment.get("TRANSFORMERS_OFFLINE") or ""
    return value.upper() in TRUE_WORDS


def cached_models(cache_dir: Path | str | None = None) -> list[CachedModel]:
    """Every stored snapshot of every model repository, by name; an absent cache holds none.

    Raises:
        OSError: the folder cannot be read.
    """
    root = cache_folder() if cache_dir is None else Path(cache_dir).expanduser()
    return [
        _describe(RepoCache(snapshot.parent.parent), snapshot)
        for snapshot in sorted(root.glob(f"{PREFIX}*/snapshots/*"))
        if COMMIT.fullmatch(snapshot.name)
    ]


def _describe(cache: RepoCache, snapshot: Path) -> CachedModel:
    files = {path.resolve() for path in snapshot.rglob("*") if path.is_file()}
    return CachedModel(
        repo_id=cache.folder.name.removeprefix(PREFIX).replace("--", "/"),
        revision=_revision_of(cache, snapshot.name),
        commit=snapshot.name,
        size_bytes=sum(path.stat().st_size for path in files),
        path=snapshot,
        complete=not cache.missing_files(snapshot.name),
    )


def _revision_of(cache: RepoCache, commit: str) -> str:
    refs = cache.folder / "refs"
    names = sorted(path.relative_to(refs).as_posix() for path in refs.rglob("*") if path.is_file())
    leading = [name for name in names if cache.commit_of(name) == commit]
    return DEFAULT_REVISION if DEFAULT_REVISION in leading else next(iter(leading), commit)
