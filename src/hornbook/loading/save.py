"""From a model to a folder, as `load_model`, transformers and others read it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hornbook.errors import ConfigError
from hornbook.files import write_whole
from hornbook.hub import save_tensors
from hornbook.hub.folder import CONFIG, GENERATION_CONFIG, MERGES, TOKENIZER, TOKENIZER_CONFIG, VOCAB, WEIGHTS
from hornbook.models import Encoder, recognise_architecture
from hornbook.tokenizer import AnyTokenizer, Tokenizer

__all__ = ["save_model"]


def save_model(
    folder: str | Path,
    model: Encoder,
    tokenizer: AnyTokenizer | None = None,
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
        ConfigError: the weights were rounded when they were loaded, or the tokenizer has no files.
    """
    if not isinstance(tokenizer, Tokenizer | None):
        raise ConfigError(
            f"save: {type(tokenizer).__name__} has no files; save_model(folder, model) saves the model alone"
        )
    if model.weight_type != "float32":
        raise ConfigError(f"save: the weights were rounded to {model.weight_type}; load them in float32")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if tokenizer is not None:
        tokenizer.save(folder / TOKENIZER)
        _write_json(folder / TOKENIZER_CONFIG, tokenizer.config())
        for name in (VOCAB, MERGES):  # of another tokenizer
            (folder / name).unlink(missing_ok=True)
    checkpoint = recognise_architecture(model.config.to_dict()).checkpoint
    save_tensors(folder / WEIGHTS, checkpoint.write(model.config, model.state_dict()), dtype="float32")
    if generation_config:
        _write_json(folder / GENERATION_CONFIG, generation_config)
    _write_json(folder / CONFIG, {**model.config.to_dict(), "dtype": "float32"})


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    with write_whole(path) as stream:
        stream.write((json.dumps(dict(values), indent=2, sort_keys=True) + "\n").encode())
