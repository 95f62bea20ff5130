"""A model folder: which files it has, and its tensors whether they are in one file or in many.

Reads the layout of Hugging Face: `config.json`, the weights in `model.safetensors` or in shards that
`model.safetensors.index.json` lists, and the tokenizer's files. Knows nothing of what the tensors mean: that
is `hornbook.models`. Where a folder comes from: `hornbook.hub.download` and `hornbook.hub.cache`. Shards:
`hornbook.hub.shards`.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from hornbook.errors import ModelFormatError
from hornbook.hub.header import TensorSpec, printable
from hornbook.hub.safetensors import TensorFile, open_tensors
from hornbook.hub.shards import ShardedTensors, find_shard, read_weight_map
from hornbook.hub.torch_file import read_torch_tensors

__all__ = [
    "CONFIG",
    "GENERATION_CONFIG",
    "MERGES",
    "TOKENIZER",
    "TOKENIZER_CONFIG",
    "TOKENIZER_FILES",
    "TOKENIZER_FORMS",
    "TORCH_WEIGHTS",
    "TORCH_WEIGHTS_INDEX",
    "VOCAB",
    "WEIGHTS",
    "WEIGHTS_INDEX",
    "ModelBundle",
]

CONFIG = "config.json"
GENERATION_CONFIG = "generation_config.json"
WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
TORCH_WEIGHTS = "pytorch_model.bin"
TORCH_WEIGHTS_INDEX = "pytorch_model.bin.index.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
VOCAB = "vocab.json"
MERGES = "merges.txt"
TOKENIZER_FORMS = (
    (TOKENIZER,),
    (VOCAB, MERGES),
    ("vocab.txt",),
    ("encoder.json", "vocab.bpe"),
    ("tokenizer.model",),
    ("spiece.model",),
    ("sentencepiece.bpe.model",),
)
"""The files that make a tokenizer together, in any one of these forms."""
TOKENIZER_FILES = (
    *(name for form in TOKENIZER_FORMS for name in form),
    TOKENIZER_CONFIG,
    "special_tokens_map.json",
    "added_tokens.json",
)
"""What a tokenizer may be kept in; how they belong together, the tokenizer itself knows."""
SHOWN_NAMES = 5
"""How many names a notice lists."""


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
        bundle.check_config()
        return bundle

    def check_config(self) -> None:
        """Raises ModelFormatError where `config.json` is missing."""
        self._required(CONFIG, "is this a model folder?")

    def check_tokenizer(self) -> None:
        """Raises ModelFormatError where no form of a tokenizer's files is complete."""
        if not any(all(map(self._optional, form)) for form in TOKENIZER_FORMS):
            name = MERGES if self._optional(VOCAB) else VOCAB
            self._required(name, self._tokenizer_hint())

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
        index = self._weights_index()
        return [find_shard(index, name) for name in sorted(set(read_weight_map(index).values()))]

    def load_tensors(self) -> Mapping[str, NDArray[Any]]:
        """All tensors by name; each is read when it is asked for (see `hornbook.hub.TensorFile`).

        The index decides which tensors the shards hold: what it does not list is left out, with a warning.
        What it lists and no shard holds is not in the result, for it may only repeat another.

        Raises:
            ModelFormatError: no safetensors here, a file is damaged, or a tensor is in another shard than the
                index says.
            OSError: a file cannot be read.
        """
        if single := self._optional(WEIGHTS):
            return open_tensors(single)
        tensors = self._open_shards()
        if names := tensors.unlisted:
            shown = ", ".join(map(printable, names[:SHOWN_NAMES])) + (", ..." if names[SHOWN_NAMES:] else "")
            message = f"{tensors.index}: does not list {len(names)} tensors of its shards, left out: {shown}"
            warnings.warn(message, stacklevel=2)
        return tensors

    def load_torch_tensors(self) -> dict[str, NDArray[Any]]:
        """All tensors of `pytorch_model.bin`, or of its shards, read without executing anything.

        Raises:
            ModelFormatError: there are none, or a file is damaged or holds anything but tensors.
            OSError: a file cannot be read.
        """
        if single := self._optional(TORCH_WEIGHTS):
            return read_torch_tensors(single)
        index = self._required(TORCH_WEIGHTS_INDEX, f"there is no {TORCH_WEIGHTS} either")
        shards = sorted(set(read_weight_map(index, suffix=".bin").values()))
        paths = [find_shard(index, name) for name in shards]
        return {name: array for path in paths for name, array in read_torch_tensors(path).items()}

    def tensor_specs(self) -> dict[str, TensorSpec]:
        """Type, shape and position of every tensor, from the headers alone.

        Raises:
            ModelFormatError: as `load_tensors`.
            OSError: a file cannot be read.
        """
        single = self._optional(WEIGHTS)
        return open_tensors(single).specs if single else self._open_shards().specs

    def _open_shards(self) -> ShardedTensors:
        index = self._weights_index()
        names = read_weight_map(index)
        files: dict[str, TensorFile] = {
            name: open_tensors(find_shard(index, name)) for name in sorted(set(names.values()))
        }
        return ShardedTensors(index, names, files)

    def _weights_index(self) -> Path:
        index = self._optional(WEIGHTS_INDEX)
        if index is None:
            pickled = self._optional(TORCH_WEIGHTS) or self._optional(TORCH_WEIGHTS_INDEX)
            advice = "only safetensors are read, no pickle; `hornbook models convert` makes safetensors of it"
            found = f" but {pickled.name}; {advice}" if pickled else ""
            raise ModelFormatError(f"{self.folder}: no {WEIGHTS} or {WEIGHTS_INDEX}{found}")
        return index

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
        return f"the folder has no tokenizer files ({TOKENIZER}, {VOCAB} and {MERGES}, or others)"
