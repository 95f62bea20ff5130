"""From checkpoints of other programs to a model folder: PyTorch's files, nanoGPT's, llm.c's."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from hornbook.errors import ConfigError, ModelFormatError
from hornbook.hub import open_tensors
from hornbook.hub.folder import CONFIG, GENERATION_CONFIG, TOKENIZER_FILES, WEIGHTS
from hornbook.hub.llm_c import is_llm_c_file, read_llm_c_file
from hornbook.hub.torch_file import read_torch_checkpoint
from hornbook.loading.load import read_object
from hornbook.loading.save import save_model
from hornbook.models import Encoder, recognise_architecture

__all__ = ["convert_model"]

TORCH_WEIGHTS = "pytorch_model.bin"
TORCH_INDEX = "pytorch_model.bin.index.json"


@dataclass(frozen=True)
class _Foreign:
    """What a checkpoint of another program holds.

    Attributes:
        tensors: by name.
        settings: what it says beside them.
    """

    tensors: Mapping[str, NDArray[Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)


def convert_model(source: str | Path, folder: str | Path) -> Encoder:
    """Writes a model folder, with safetensors, from a checkpoint that another program wrote.

    Nothing in the checkpoint is executed. Tokenizer files beside it are copied.

    Args:
        source: a file (`.bin` or `.pt` of PyTorch, a checkpoint of nanoGPT, a model of llm.c, safetensors),
            or a folder with `pytorch_model.bin` and config.json.
        folder: made if it is missing; files of the same names are replaced.

    Returns:
        The model.

    Raises:
        ModelFormatError: the source is damaged, or no checkpoint of a family that is known.
        ConfigError: its sizes do not fit each other.
        OSError: a file cannot be read or written.
    """
    source, folder = Path(source), Path(folder)
    beside = source if source.is_dir() else source.parent
    foreign = _read_folder(source) if source.is_dir() else _read_file(source)
    config_path = beside / CONFIG
    described = config_path.is_file() and "model_args" not in foreign.settings
    settings = read_object(config_path) if described else foreign.settings
    try:
        model = _build(foreign.tensors, settings)
    except (ConfigError, ModelFormatError) as error:
        raise ModelFormatError(f"{source}: {error}") from None
    save_model(folder, model)
    for name in (*TOKENIZER_FILES, "vocab.txt", GENERATION_CONFIG):
        if (beside / name).is_file() and folder.resolve() != beside.resolve():
            shutil.copyfile(beside / name, folder / name)
    return model


def _build(tensors: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]) -> Encoder:
    architecture = recognise_architecture(settings, lambda: tensors)
    if architecture.read_foreign is None:
        return architecture.load(architecture.config_class.from_dict(settings), tensors)
    return architecture.load(*architecture.read_foreign(tensors, settings))


def _read_file(path: Path) -> _Foreign:
    if path.suffix == ".safetensors":
        return _Foreign(open_tensors(path))
    if is_llm_c_file(path):
        model = read_llm_c_file(path)
        return _Foreign(model.tensors, {"n_head": model.n_head, "vocab_size": model.vocab_size})
    checkpoint = read_torch_checkpoint(path)
    return _Foreign(checkpoint.tensors, checkpoint.settings)


def _read_folder(folder: Path) -> _Foreign:
    if (folder / TORCH_WEIGHTS).is_file():
        return _read_file(folder / TORCH_WEIGHTS)
    if (folder / TORCH_INDEX).is_file():
        weight_map = read_object(folder / TORCH_INDEX).get("weight_map")
        if not isinstance(weight_map, dict) or not all(isinstance(x, str) for x in weight_map.values()):
            raise ModelFormatError(f"{folder / TORCH_INDEX}: weight_map must map tensor names to file names")
        files = [_read_file(_inside(folder, name)) for name in sorted(set(weight_map.values()))]
        return _Foreign({name: array for file in files for name, array in file.tensors.items()})
    if (folder / WEIGHTS).is_file():
        return _read_file(folder / WEIGHTS)
    expected = f"{TORCH_WEIGHTS}, {TORCH_INDEX} or {WEIGHTS}"
    raise ModelFormatError(f"{folder}: no {expected}; name the file that is to be converted")


def _inside(folder: Path, name: str) -> Path:
    if Path(name).name != name:
        raise ModelFormatError(f"{folder / TORCH_INDEX}: expected the name of a file, got {name!r:.200}")
    return folder / name
