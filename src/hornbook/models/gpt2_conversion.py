"""GPT-2 as nanoGPT, llm.c and others train it: matrices the other way round, layers without biases.

Their models compute what a GPT-2 with transposed matrices and biases of zero computes.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hornbook.backend import Array, get_backend
from hornbook.errors import ModelFormatError
from hornbook.models.gpt2_checkpoint import GPT2Checkpoint
from hornbook.models.gpt2_config import GPT2Config

__all__ = ["convert_gpt2", "gpt2_config_of", "read_foreign_gpt2"]

HEAD_SIZE = 64  # of every GPT-2 that was published
MATRICES = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")


def read_foreign_gpt2(
    tensors: Mapping[str, Array], settings: Mapping[str, Any]
) -> tuple[GPT2Config, dict[str, Array]]:
    """Configuration and tensors, as transformers has them, of a checkpoint of another program.

    Args:
        tensors: see `convert_gpt2`.
        settings: the content of a config.json where one exists; else what the checkpoint says beside its
            tensors, such as nanoGPT's `model_args`, or `n_head` and `vocab_size` of llm.c. May be empty.

    Raises:
        ModelFormatError: these are not the tensors of a GPT-2.
        ConfigError: the sizes do not fit each other.
    """
    if "n_layer" in settings or "model_type" in settings:
        config = GPT2Config.from_dict(settings)
    elif isinstance(arguments := settings.get("model_args"), Mapping):
        config = gpt2_config_of(tensors, n_head=arguments.get("n_head"), activation_function="gelu")
    else:
        config = gpt2_config_of(tensors, n_head=settings.get("n_head"))
    converted = convert_gpt2(config, tensors)
    vocab_size = settings.get("vocab_size", config.vocab_size)
    if vocab_size < config.vocab_size:  # rows that only make the table's size round
        name = GPT2Checkpoint().written_name(GPT2Checkpoint.input_embedding)
        converted[name] = get_backend().getitem(converted[name], slice(0, vocab_size))
        config = replace(config, vocab_size=vocab_size)
    return config, converted


def convert_gpt2(config: GPT2Config, tensors: Mapping[str, Array]) -> dict[str, Array]:
    """The tensors of a checkpoint as transformers has them, whichever way its matrices lie.

    Args:
        config: of the model; see `gpt2_config_of`.
        tensors: with GPT-2's names, with or without prefixes. Missing biases become zeros.

    Returns:
        The tensors by the names of transformers.

    Raises:
        ModelFormatError: a matrix is missing.
    """
    ops, checkpoint = get_backend(), GPT2Checkpoint()
    files = checkpoint.names_in_files(tensors)
    found = {name: ops.asarray(tensors[full_name], "float32") for name, full_name in files.items()}
    if _is_transposed(found):
        found = {
            name: ops.transpose(array, 0, 1) if name.endswith(MATRICES) else array
            for name, array in found.items()
        }
    for stored in checkpoint.parameters(config):
        if stored.name.endswith(".bias") and stored.name not in found:
            found[stored.name] = ops.full(stored.sources[0].shape, 0)
    return {checkpoint.written_name(name): array for name, array in found.items()}


def gpt2_config_of(
    tensors: Mapping[str, Array], *, n_head: int | None = None, activation_function: str = "gelu_new"
) -> GPT2Config:
    """The configuration that the shapes of a checkpoint's tensors tell.

    Args:
        tensors: see `convert_gpt2`.
        n_head: which shapes do not tell; None for heads of 64 features.
        activation_function: which shapes do not tell; nanoGPT has "gelu".

    Raises:
        ModelFormatError: these are not the tensors of a GPT-2.
        ConfigError: the sizes do not fit each other.
    """
    checkpoint = GPT2Checkpoint()
    found = {name: tensors[full_name] for name, full_name in checkpoint.names_in_files(tensors).items()}
    missing = checkpoint.signature | {"wte.weight", "h.0.mlp.c_fc.weight"}
    missing -= found.keys()
    if missing:
        raise ModelFormatError(f"convert: not a GPT-2: no tensor {', '.join(sorted(missing))}")
    n_layer = len({name.split(".")[1] for name in found if name.startswith("h.")})
    vocab_size, n_embd = found["wte.weight"].shape
    config = GPT2Config(
        vocab_size=vocab_size,
        n_positions=found["wpe.weight"].shape[0],
        n_embd=n_embd,
        n_layer=n_layer,
        n_head=max(1, n_embd // HEAD_SIZE) if n_head is None else n_head,
        activation_function=activation_function,
    )
    inner = found["h.0.mlp.c_fc.weight"].shape[0 if _is_transposed(found) else 1]
    return config if inner == config.inner_size else replace(config, n_inner=inner)


def _is_transposed(found: Mapping[str, Array]) -> bool:
    """Whether matrices are `[out, in]`: that of queries, keys and values has three times as many rows."""
    n_rows, n_columns = found["h.0.attn.c_attn.weight"].shape
    return bool(n_rows == 3 * n_columns)
