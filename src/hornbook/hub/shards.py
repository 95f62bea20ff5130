"""The tensors of several safetensors files, as an index says which file holds which.

    model.safetensors.index.json    {"weight_map": {"wte.weight": "model-00001-of-00002.safetensors", ...}}

A shard is a file in the index's folder or below. Nothing that an index says leads out of it: its names are
plain, and links are followed and checked. Used by `hornbook.hub.folder`.
Source: https://huggingface.co/docs/transformers/big_models
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from hornbook.errors import ModelFormatError
from hornbook.files import read_json
from hornbook.hub.header import TensorSpec, printable
from hornbook.hub.safetensors import TensorFile

__all__ = ["ShardedTensors", "find_shard", "read_weight_map"]

MAX_INDEX_BYTES = 50_000_000
SHARD_NAME = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}/){0,7}[A-Za-z0-9._-]{1,200}")
"""Up to seven folders, none of which begins with a dot, and a file."""


class ShardedTensors(Mapping[str, NDArray[Any]]):
    """The tensors that an index lists, each in its shard, as one mapping.

    Args:
        index: path of the index, for messages.
        weight_map: name of the shard of every tensor.
        files: the shards by name.

    Raises:
        ModelFormatError: a tensor is not in the shard that is listed, but in another.
    """

    def __init__(self, index: Path, weight_map: Mapping[str, str], files: Mapping[str, TensorFile]) -> None:
        self.index = index
        self._files = {name: files[shard] for name, shard in weight_map.items() if name in files[shard]}
        self.unlisted = sorted({name for file in files.values() for name in file} - self._files.keys())
        """What the shards hold and the index does not list."""
        for name in self.unlisted:
            if name in weight_map:
                holder = next(shard for shard, file in files.items() if name in file)
                raise ModelFormatError(
                    f"{index}: tensor '{printable(name)}' is listed in {weight_map[name]}, found in {holder}"
                )

    @property
    def specs(self) -> dict[str, TensorSpec]:
        """Type, shape and position of every tensor."""
        return {name: file.specs[name] for name, file in self._files.items()}

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._files[name][name]

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def read_weight_map(index: Path, *, suffix: str = ".safetensors") -> dict[str, str]:
    """Which shard holds which tensor, as an index says.

    Args:
        index: `model.safetensors.index.json`, or another index of the same form.
        suffix: how the shards' names end.

    Raises:
        ModelFormatError: the index is damaged, or a shard's name is not the plain name of a file below.
        OSError: the file cannot be read.
    """
    document = read_json(index, max_bytes=MAX_INDEX_BYTES, error=ModelFormatError)
    weight_map = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise ModelFormatError(f"{index}: weight_map must map tensor names to shard names")
    for shard in weight_map.values():
        if not isinstance(shard, str) or not _is_shard_name(shard, suffix):
            raise ModelFormatError(f"{index}: invalid shard name {shard!r:.200}")
    return weight_map


def find_shard(index: Path, name: str) -> Path:
    """The file of a shard that `read_weight_map` gave.

    Raises:
        ModelFormatError: it is missing, or a link that leaves the folder.
    """
    path = index.parent / name
    if not path.is_file():
        raise ModelFormatError(f"{index}: shard not found: {name}; is the copy complete?")
    real = path.resolve()
    if not any(real.is_relative_to(folder) for folder in _folders_of_links(index.parent)):
        raise ModelFormatError(f"{path}: invalid shard name: a link that leaves the folder")
    return path


def _is_shard_name(name: str, suffix: str) -> bool:
    return name.endswith(suffix) and bool(SHARD_NAME.fullmatch(name.removesuffix(suffix)))


def _folders_of_links(folder: Path) -> list[Path]:
    """Where links may lead: into the folder, and in the Hub's cache also to the blobs beside it."""
    folder = folder.resolve()
    repository = folder.parent.parent
    if folder.parent.name == "snapshots" and repository.name.startswith("models--"):
        return [repository, repository.parent / "blobs"]  # of the repository, and shared by all
    return [folder]
