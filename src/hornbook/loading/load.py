"""From a folder to a model, its tokenizer and its settings. Each file is read once."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hornbook.backend import WEIGHT_TYPES, WeightType, get_backend
from hornbook.errors import ConfigError, ModelConfigError, ModelFormatError
from hornbook.files import read_json
from hornbook.hub import ModelBundle
from hornbook.hub.folder import CONFIG, MERGES, TOKENIZER, VOCAB
from hornbook.hub.nonfinite import first_nonfinite
from hornbook.loading.find import find_model
from hornbook.models import Architecture, Encoder, ModelConfig, recognise_architecture
from hornbook.tokenizer import Tokenizer
from hornbook.tokenizer.files.model_folder import has_tokenizer

__all__ = ["LoadedModel", "load_model", "read_config", "read_tokenizer"]

MAX_CONFIG_BYTES = 1 << 20


@dataclass(frozen=True)
class LoadedModel:
    """A model with what its folder has beside it.

    Attributes:
        name: what it was asked for by.
        bundle: its files.
        model: the model itself.
        tokenizer: of the same folder; None where it has none.
        generation_config: the content of generation_config.json; empty where there is none.
    """

    name: str
    bundle: ModelBundle
    model: Encoder
    tokenizer: Tokenizer | None
    generation_config: Mapping[str, Any]

    @property
    def config(self) -> ModelConfig:
        """The shape of the model."""
        config: ModelConfig = self.model.config
        return config


def load_model(
    name_or_folder: str | Path,
    *,
    dtype: str = "float32",
    revision: str | None = None,
    trainable: bool = False,
    allow_nonfinite: bool = False,
) -> LoadedModel:
    """Finds and reads a model.

    Args:
        name_or_folder: see `find_model`.
        dtype: how the large matrices are held in memory: "float32", "bfloat16" or "int8".
        revision: see `find_model`.
        trainable: keep plain float32 arrays with gradients, instead of packing them for use.
        allow_nonfinite: load weights although some are NaN or infinite, to look at them.

    Raises:
        ModelFormatError: a file is damaged or does not fit the configuration, or a weight is not finite.
        TokenizerError: the tokenizer's files are damaged, or ask for what is not supported.
        ConfigError: the configuration is of no known family, or an unknown dtype.
        DownloadError: see `find_model`.
    """
    weight_type = _weight_type(dtype)
    get_backend()  # whose settings are the environment's, not the model's
    bundle = find_model(name_or_folder, revision=revision)
    architecture, config = _read_config(bundle)
    tokenizer = _read_tokenizer(bundle, config) if has_tokenizer(bundle.folder) else None
    generation_config = _read_generation_config(bundle)
    with _naming(bundle.folder):
        model = architecture.load(config, bundle.load_tensors())
        if not allow_nonfinite:
            _check_weights(model)
    if not trainable:
        model.pack(weight_type)
    return LoadedModel(str(name_or_folder), bundle, model, tokenizer, generation_config)


def read_config(bundle: ModelBundle) -> ModelConfig:
    """The configuration of a model folder.

    Raises:
        ConfigError: it is of no known family; the message names the file and the key.
    """
    return _read_config(bundle)[1]


def read_tokenizer(bundle: ModelBundle) -> Tokenizer:
    """The tokenizer of a model folder, without the model, whatever its family.

    Raises:
        TokenizerError: its files are damaged, or ask for what is not supported.
        ModelFormatError: it has none.
    """
    if not has_tokenizer(bundle.folder):
        raise ModelFormatError(
            f"{bundle.folder}: no tokenizer files; expected {TOKENIZER}, or {VOCAB} and {MERGES}, for example"
        )
    try:
        config = read_config(bundle) if (bundle.folder / CONFIG).is_file() else None
    except ConfigError:  # of a family that is not known; its tokenizer may be
        config = None
    return _read_tokenizer(bundle, config)


def _read_tokenizer(bundle: ModelBundle, config: ModelConfig | None) -> Tokenizer:
    if config is None:
        return Tokenizer.from_folder(bundle.folder)
    end = next(iter(config.eos_token_ids), None)
    return Tokenizer.from_folder(bundle.folder, bos_token_id=config.bos_token_id, eos_token_id=end)


def _read_config(bundle: ModelBundle) -> tuple[Architecture, ModelConfig]:
    values = read_object(bundle.config_path)
    with _naming(bundle.config_path):
        architecture = recognise_architecture(values, partial(_tensor_names, bundle))
        return architecture, architecture.config_class.from_dict(values)


def _tensor_names(bundle: ModelBundle) -> list[str]:
    """The names in the weights; none where there are no weights that can be read."""
    try:
        return list(bundle.tensor_specs())
    except ModelFormatError:
        return []


def _read_generation_config(bundle: ModelBundle) -> dict[str, Any]:
    path = bundle.generation_config_path
    return {} if path is None else read_object(path)


def read_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file of at most 1 MB. Raises ModelConfigError where it holds another value."""
    values = read_json(path, max_bytes=MAX_CONFIG_BYTES, error=ModelConfigError)
    if not isinstance(values, dict):
        raise ModelConfigError(f"{path}: expected a JSON object, got {type(values).__name__}")
    return values


def _check_weights(model: Encoder) -> None:
    name = first_nonfinite(model.state_dict())
    if name is not None:
        raise ModelFormatError(
            f"tensor {name} holds NaN or infinity; allow_nonfinite=True loads the model nevertheless"
        )


def _weight_type(dtype: str) -> WeightType:
    for known in WEIGHT_TYPES:
        if dtype == known:
            return known
    raise ConfigError(f"dtype: expected {', '.join(WEIGHT_TYPES)}, got {dtype!r}")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Puts the path before the message of errors that come from a model's files."""
    try:
        yield
    except ConfigError as error:
        raise ModelConfigError(f"{path}: {error}") from None
    except ModelFormatError as error:
        raise error if str(path) in str(error) else ModelFormatError(f"{path}: {error}") from None
