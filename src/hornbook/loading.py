"""From a name to a model: the one place that knows built-in models, local folders and the Hub.

`find_model` makes a folder of a name, `load_model` a model of a folder, `save_model` a folder of a model.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hornbook.backend import WEIGHT_TYPES, WeightType, get_backend
from hornbook.builtin import BUILTIN_MODELS, builtin_folder
from hornbook.errors import ConfigError, ModelConfigError, ModelFormatError
from hornbook.files import read_json, write_whole
from hornbook.hub import (
    HubApi,
    ModelBundle,
    cache_folder,
    cached_models,
    offline_from_environment,
    save_tensors,
)
from hornbook.hub.folder import MERGES, TOKENIZER, TOKENIZER_CONFIG, VOCAB
from hornbook.models import GPT2, GPT2Config, config_from_dict, gpt2_hub_tensors
from hornbook.tokenizer import Tokenizer

__all__ = [
    "LoadedModel",
    "ModelBacked",
    "cache_folder",
    "cached_models",
    "find_model",
    "load_model",
    "offline_from_environment",
    "read_config",
    "read_tokenizer",
    "save_model",
]

MAX_CONFIG_BYTES = 1 << 20


@dataclass(frozen=True)
class LoadedModel:
    """A model with what lay beside it.

    Attributes:
        name: what it was asked for by.
        bundle: its files.
        config: its shape.
        model: the model itself.
        generation_config: the content of generation_config.json; empty where there is none.
        dtype: how the large matrices are held.
    """

    name: str
    bundle: ModelBundle
    config: GPT2Config
    model: GPT2
    generation_config: Mapping[str, Any]
    dtype: WeightType

    @property
    def has_tokenizer(self) -> bool:
        """Whether a tokenizer lies beside the model."""
        return any((self.bundle.folder / name).is_file() for name in (TOKENIZER, VOCAB))

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the model, read when it is first asked for; raises as `read_tokenizer`."""
        return read_tokenizer(self.bundle)


class ModelBacked:
    """What stands on a loaded model: its parts, by short names."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded

    @property
    def name(self) -> str:
        """What the model was loaded by."""
        return self._loaded.name

    @property
    def model(self) -> GPT2:
        """The GPT-2."""
        return self._loaded.model

    @property
    def config(self) -> GPT2Config:
        """The model's shape."""
        return self._loaded.config

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that belongs to the model; raises as `read_tokenizer`."""
        return self._loaded.tokenizer

    def _encode_text(self, text: str) -> list[int]:
        """The tokens of a text; an empty one is the token that begins a text."""
        ids = self.tokenizer.encode(text)
        if ids:
            return ids
        if self.tokenizer.bos_token_id is None:
            raise ConfigError("the text is empty, and the model has no token that begins a text")
        return [self.tokenizer.bos_token_id]


def find_model(name_or_folder: str | Path, *, revision: str | None = None) -> ModelBundle:
    """The files of a model: a local folder, else a built-in model, else a repository of the Hub.

    A repository is downloaded at its first use and taken from the cache from then on.

    Args:
        name_or_folder: for example `tiny-lm`, `./my-model` or `openai-community/gpt2`.
        revision: branch, tag or commit of a repository.

    Raises:
        ModelFormatError: the folder is not a model's.
        ConfigError: the name can be none of these, or a revision of something that has none.
        DownloadError: the repository is not cached and cannot be downloaded.
    """
    name = str(name_or_folder)
    folder = _local_folder(name_or_folder)
    if folder is None and name in BUILTIN_MODELS:
        folder = builtin_folder(name)
    if folder is None:
        return HubApi().download_model(name, revision)
    if revision is not None:
        raise ConfigError(f"revision: only repositories of the Hub have revisions, {name} is none")
    return ModelBundle.from_folder(folder)


def load_model(
    name_or_folder: str | Path,
    *,
    dtype: str = "float32",
    revision: str | None = None,
    trainable: bool = False,
) -> LoadedModel:
    """Finds and reads a model.

    Args:
        name_or_folder: see `find_model`.
        dtype: how the large matrices are held in memory: "float32", "bfloat16" or "int8".
        revision: see `find_model`.
        trainable: keep plain float32 arrays with gradients, instead of packing them for use.

    Raises:
        ModelFormatError: a file is damaged or does not fit the configuration.
        ConfigError: the configuration is not one of a GPT-2, or an unknown dtype.
        DownloadError: see `find_model`.
    """
    weight_type = _weight_type(dtype)
    bundle = find_model(name_or_folder, revision=revision)
    config = read_config(bundle)
    with _naming(bundle.folder):
        model = GPT2.from_hub_weights(config, bundle.load_tensors())
    if not trainable:
        model.pack(weight_type)
    return LoadedModel(
        str(name_or_folder), bundle, model.config, model, _read_generation_config(bundle), weight_type
    )


def save_model(
    folder: str | Path,
    model: GPT2,
    tokenizer: Tokenizer | None = None,
    *,
    generation_config: Mapping[str, Any] | None = None,
) -> None:
    """Writes a folder that `load_model` and transformers read. Each file appears whole or not at all.

    Args:
        folder: made if it is missing; files of the same names are replaced.
        model: its configuration and, in float32, its weights.
        tokenizer: goes into a tokenizer.json.
        generation_config: defaults for generating.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if tokenizer is not None:
        tokenizer.save(folder / TOKENIZER)
        _write_json(folder / TOKENIZER_CONFIG, tokenizer.config())
        for name in (VOCAB, MERGES):  # of another tokenizer
            (folder / name).unlink(missing_ok=True)
    state = {name: get_backend().unpack(weight) for name, weight in model.state_dict().items()}
    save_tensors(folder / "model.safetensors", gpt2_hub_tensors(state), dtype="float32")
    if generation_config:
        _write_json(folder / "generation_config.json", dict(generation_config))
    _write_json(folder / "config.json", {**model.config.to_dict(), "dtype": "float32"})


def _weight_type(dtype: str) -> WeightType:
    for known in WEIGHT_TYPES:
        if dtype == known:
            return known
    raise ConfigError(f"dtype: expected {', '.join(WEIGHT_TYPES)}, got {dtype!r}")


def _local_folder(name_or_folder: str | Path) -> Path | None:
    """The path that is meant, whether or not it is there; None for a name that is no path."""
    path = Path(name_or_folder)
    if path.parts[:1] and path.parts[0].startswith("~"):
        with suppress(RuntimeError):  # there is no such user
            path = path.expanduser()
    if isinstance(name_or_folder, Path) or name_or_folder.startswith(("/", "./", "../", "~")):
        return path
    return path if name_or_folder and _is_folder(path) else None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # too long, or with characters that no path can have
        return False


def read_config(bundle: ModelBundle) -> GPT2Config:
    """The configuration of a model folder.

    Raises:
        ConfigError: it is not one of a GPT-2; the message names the file and the key.
    """
    values = _read_object(bundle.config_path)
    with _naming(bundle.config_path):
        return config_from_dict(values)


def read_tokenizer(bundle: ModelBundle) -> Tokenizer:
    """The tokenizer of a model folder.

    Raises:
        TokenizerError: its files are damaged, or ask for what is not supported.
        ModelFormatError: it has none, or one with more tokens than the model.
    """
    config = read_config(bundle)
    special = {"bos_token_id": config.bos_token_id, "eos_token_id": config.eos_token_id}
    if bundle.tokenizer_path is None and not (bundle.folder / "vocab.txt").is_file():
        _ = bundle.vocab_path, bundle.merges_path
    tokenizer = Tokenizer.from_folder(bundle.folder, **special)
    if tokenizer.vocab_size > config.vocab_size:
        raise ModelConfigError(
            f"{bundle.config_path}: vocab_size: the tokenizer has {tokenizer.vocab_size} tokens, "
            f"the model only {config.vocab_size}"
        )
    return tokenizer


def _read_generation_config(bundle: ModelBundle) -> dict[str, Any]:
    path = bundle.generation_config_path
    return {} if path is None else _read_object(path)


def _read_object(path: Path) -> dict[str, Any]:
    values = read_json(path, max_bytes=MAX_CONFIG_BYTES, error=ModelConfigError)
    if not isinstance(values, dict):
        raise ModelConfigError(f"{path}: expected a JSON object, got {type(values).__name__}")
    return values


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    with write_whole(path) as stream:
        stream.write((json.dumps(values, indent=2, sort_keys=True) + "\n").encode())


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Puts the path before the message of errors that come from a model's files."""
    try:
        yield
    except ConfigError as error:
        raise ModelConfigError(f"{path}: {error}") from None
    except ModelFormatError as error:
        raise error if str(path) in str(error) else ModelFormatError(f"{path}: {error}") from None
