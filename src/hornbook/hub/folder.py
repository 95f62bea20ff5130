"""A model folder: which files it has, and its tensors whether they lie in one file or in many.

Reads the layout of Hugging Face: `config.json`, the weights in `model.safetensors` or in shards that
`model.safetensors.index.json` lists, and the tokenizer's files. Knows nothing of what the tensors mean: that
is `hornbook.models`. Where a folder comes from: `hornbook.hub.download` and `hornbook.hub.cache`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from hornbook.errors import ModelFormatError
from hornbook.files import read_json
from hornbook.hub.header import TensorSpec, printable
from hornbook.hub.safetensors import TensorFile, open_tensors

__all__ = [
    "CONFIG",
    "GENERATION_CONFIG",
    "MERGES",
    "TOKENIZER",
    "TOKENIZER_CONFIG",
    "TOKENIZER_FILES",
    "VOCAB",
    "WEIGHTS",
    "WEIGHTS_INDEX",
    "ModelBundle",
    "read_weight_map",
]

CONFIG = "config.json"
GENERATION_CONFIG = "generation_config.json"
WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
VOCAB = "vocab.json"
MERGES = "merges.txt"
TOKENIZER_FILES = (TOKENIZER, VOCAB, MERGES, TOKENIZER_CONFIG, "special_tokens_map.json", "added_tokens.json")
"""What a tokenizer may be kept in; which of them belong together, the tokenizer itself knows."""

MAX_INDEX_BYTES = 50_000_000
SHARD_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}\.safetensors")


@dataclass(frozen=True)
class ModelBundle:
    """The files of one model, in a folder.

    Make it with `from_folder`, which checks that there is a configuration. A path is looked up when it is
    asked for, so that a folder without weights still gives its tokenizer, and the other way round.

    Args:
        folder: the folder itself.
    """

    folder: Path

    @classmethod
    def from_folder(cls, folder: Path | str) -> "ModelBundle":
        """The bundle of a local folder.

        Raises:
            ModelFormatError: it is not a folder, or has no config.json.
        """
        folder = Path(folder)
        if not folder.is_dir():
            state = "not a folder" if folder.exists() else "no such folder"
            raise ModelFormatError(f"{folder}: {state}; a model is a folder with {CONFIG} and {WEIGHTS}")
        bundle = cls(folder)
        _ = bundle.config_path
        return bundle

    @property
    def config_path(self) -> Path:
        """`config.json`. Raises ModelFormatError where it is missing."""
        return self._required(CONFIG, "is this a model folder?")

    @property
    def vocab_path(self) -> Path:
        """`vocab.json`, token to id. Raises ModelFormatError where it is missing."""
        return self._required(VOCAB, self._tokenizer_hint())

    @property
    def merges_path(self) -> Path:
        """`merges.txt`, the merges of byte-pair encoding. Raises ModelFormatError where it is missing."""
        return self._required(MERGES, self._tokenizer_hint())

    @property
    def tokenizer_path(self) -> Path | None:
        """`tokenizer.json`, or None."""
        return self._optional(TOKENIZER)

    @property
    def generation_config_path(self) -> Path | None:
        """`generation_config.json`, or None."""
        return self._optional(GENERATION_CONFIG)

    @property
    def weight_paths(self) -> list[Path]:
        """The safetensors files: `model.safetensors`, else the shards of the index, by name.

        Raises:
            ModelFormatError: there are none, the index is damaged, a shard is missing or leaves the folder.
        """
        if single := self._optional(WEIGHTS):
            return [single]
        shards = sorted(set(self._weight_map().values()))
        return [self._shard_path(name) for name in shards]

    def load_tensors(self) -> Mapping[str, NDArray[Any]]:
        """All tensors by name; each is mapped when it is asked for (see `hornbook.hub.TensorFile`).

        Raises:
            ModelFormatError: no safetensors here, a file is damaged, or index and shards disagree.
            OSError: a file cannot be read.
        """
        files = self._open_files()
        return files[0] if len(files) == 1 else _ShardedTensors(files)

    def tensor_specs(self) -> dict[str, TensorSpec]:
        """Type, shape and place of every tensor, from the headers alone.

        Raises:
            ModelFormatError: as `load_tensors`.
            OSError: a file cannot be read.
        """
        return {name: spec for file in self._open_files() for name, spec in file.specs.items()}

    def _open_files(self) -> list[TensorFile]:
        files = [open_tensors(path) for path in self.weight_paths]
        if self._optional(WEIGHTS) is None:
            _check_against_index(files, self._weight_map(), self.folder / WEIGHTS_INDEX)
        return files

    def _weight_map(self) -> dict[str, str]:
        index = self._optional(WEIGHTS_INDEX)
        if index is None:
            pickled = self._optional("pytorch_model.bin") or self._optional("pytorch_model.bin.index.json")
            found = f" but {pickled.name}; only safetensors are read, no pickle" if pickled else ""
            raise ModelFormatError(f"{self.folder}: no {WEIGHTS} or {WEIGHTS_INDEX}{found}")
        return read_weight_map(index)

    def _shard_path(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise ModelFormatError(
                f"{self.folder / WEIGHTS_INDEX}: shard not found: {name}; is the copy complete?"
            )
        real = path.resolve()
        if not any(real.is_relative_to(place) for place in self._places()):
            raise ModelFormatError(f"{path}: invalid shard name: a link that leaves the folder")
        return path

    def _places(self) -> list[Path]:
        """Where links may lead: into the folder, and in the Hub's cache also to the blobs beside it."""
        folder = self.folder.resolve()
        repository = folder.parent.parent
        if folder.parent.name == "snapshots" and repository.name.startswith("models--"):
            return [repository, repository.parent / "blobs"]  # of the repository, and shared by all
        return [folder]

    def _optional(self, name: str) -> Path | None:
        path = self.folder / name
        return path if path.is_file() else None

    def _required(self, name: str, hint: str) -> Path:
        path = self._optional(name)
        if path is None:
            raise ModelFormatError(f"{self.folder}: no {name}; {hint}")
        return path

    def _tokenizer_hint(self) -> str:
        if self.tokenizer_path:
            return f"the tokenizer of this folder is {TOKENIZER}"
        return f"the folder has no tokenizer files ({TOKENIZER}, or {VOCAB} and {MERGES})"


class _ShardedTensors(Mapping[str, NDArray[Any]]):
    """The tensors of several files as one mapping."""

    def __init__(self, files: list[TensorFile]) -> None:
        self._owners = {name: file for file in files for name in file}

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._owners[name][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._owners)

    def __len__(self) -> int:
        return len(self._owners)


def read_weight_map(index: Path) -> dict[str, str]:
    """Which shard holds which tensor, as `model.safetensors.index.json` says.

    Raises:
        ModelFormatError: the index is damaged, or a shard's name is not a plain name of a safetensors file.
        OSError: the file cannot be read.
    """
    document = read_json(index, max_bytes=MAX_INDEX_BYTES, error=ModelFormatError)
    weight_map = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise ModelFormatError(f"{index}: weight_map must map tensor names to shard names")
    for shard in weight_map.values():
        if not isinstance(shard, str) or not SHARD_NAME.fullmatch(shard):
            raise ModelFormatError(f"{index}: invalid shard name {shard!r:.200}")
    return weight_map


def _check_against_index(files: list[TensorFile], weight_map: dict[str, str], index: Path) -> None:
    """Every tensor is in the one shard that the index names, and no other is there."""
    found: dict[str, str] = {}
    for file in files:
        for name in file:
            if name in found:
                shards = f"{found[name]} and {file.path.name}"
                raise ModelFormatError(f"{index}: tensor '{printable(name)}' is in two shards: {shards}")
            found[name] = file.path.name
    for name in [*weight_map, *found]:
        listed, actual = weight_map.get(name), found.get(name)
        if listed != actual:
            places = f"listed in {listed or 'no shard'}, found in {actual or 'no shard'}"
            raise ModelFormatError(f"{index}: tensor '{printable(name)}' is {places}")
