"""Between the tensors of a checkpoint and the parameters of a model: renaming, dropping, checking.

GPT-2 in files keeps its own names. What differs between writers: a `transformer.` in front of every name,
constant buffers of the attention mask, and an `lm_head.weight` that repeats the token table, or replaces it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace

from hornbook.backend import Array, get_backend
from hornbook.errors import ConfigError, ModelFormatError
from hornbook.models.config import GPT2Config

__all__ = ["gpt2_hub_tensors", "gpt2_shapes", "gpt2_state"]

PREFIX = "transformer."
MASK_BUFFER = re.compile(r"h\.\d+\.attn\.(bias|masked_bias)")
INPUT_TABLE = "wte.weight"
OUTPUT_TABLE = "lm_head.weight"


def gpt2_state(config: GPT2Config, tensors: Mapping[str, Array]) -> tuple[GPT2Config, dict[str, Array]]:
    """The parameters of a GPT-2 by their names in the model, in float32.

    A checkpoint whose `lm_head.weight` differs from its token table is not tied, whatever the configuration
    says: transformers takes it so.

    Args:
        config: what the model shall look like.
        tensors: of a checkpoint; none is read before all names are right.

    Returns:
        The configuration with `tie_word_embeddings` as it is, and the parameters.

    Raises:
        ModelFormatError: a tensor is missing, unknown or of another shape.
        ConfigError: vocab_size is not the number of rows of the token table.
    """
    sources = _sources(tensors)
    config = _settle_output_table(config, sources, tensors)
    expected = dict(gpt2_shapes(config))
    _check_names(expected.keys(), sources.keys())
    found = {name: tensors[source] for name, source in sources.items()}
    _check_shapes(config, expected, found)
    return config, {name: get_backend().asarray(found[name], "float32") for name in expected}


def gpt2_hub_tensors(state: Mapping[str, Array]) -> dict[str, Array]:
    """The tensors of a checkpoint as transformers names them, from a model's `state_dict()`."""
    return {name if name == OUTPUT_TABLE else PREFIX + name: array for name, array in state.items()}


def gpt2_shapes(config: GPT2Config) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of every parameter, without making a model."""
    c, inner = config.n_embd, config.inner_size
    yield INPUT_TABLE, (config.vocab_size, c)
    yield "wpe.weight", (config.n_positions, c)
    for i in range(config.n_layer):
        yield from _layer_norm_shapes(f"h.{i}.ln_1", c)
        yield from _linear_shapes(f"h.{i}.attn.c_attn", c, 3 * c)
        yield from _linear_shapes(f"h.{i}.attn.c_proj", c, c)
        yield from _layer_norm_shapes(f"h.{i}.ln_2", c)
        yield from _linear_shapes(f"h.{i}.mlp.c_fc", c, inner)
        yield from _linear_shapes(f"h.{i}.mlp.c_proj", inner, c)
    yield from _layer_norm_shapes("ln_f", c)
    if not config.tie_word_embeddings:
        yield OUTPUT_TABLE, (config.vocab_size, c)


def _layer_norm_shapes(name: str, size: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (size,)
    yield f"{name}.bias", (size,)


def _linear_shapes(name: str, n_in: int, n_out: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (n_in, n_out)
    yield f"{name}.bias", (n_out,)


def _sources(names: Iterable[str]) -> dict[str, str]:
    """Names in the model, each with its name in the checkpoint; without the buffers."""
    sources: dict[str, str] = {}
    for source in names:
        name = source.removeprefix(PREFIX)
        if name in sources:
            raise ModelFormatError(f"tensor {name} is there twice, with and without {PREFIX!r} before it")
        if not MASK_BUFFER.fullmatch(name):
            sources[name] = source
    return sources


def _settle_output_table(
    config: GPT2Config, sources: dict[str, str], tensors: Mapping[str, Array]
) -> GPT2Config:
    """Drops an output table that only repeats the token table; one that differs unties the model."""
    if not config.tie_word_embeddings or OUTPUT_TABLE not in sources:
        return config
    output_table = sources.pop(OUTPUT_TABLE)
    token_table = sources.setdefault(INPUT_TABLE, output_table)
    if token_table == output_table or _equal(tensors[token_table], tensors[output_table]):
        return config
    sources[OUTPUT_TABLE] = output_table
    return replace(config, tie_word_embeddings=False)


def _equal(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool((a == b).all())


def _check_names(expected: Set[str], got: Set[str]) -> None:
    missing, unknown = expected - got, got - expected
    if missing:
        raise ModelFormatError(f"{len(missing)} tensors are missing: {_first(missing)}; does the config fit?")
    if unknown:
        raise ModelFormatError(f"{len(unknown)} tensors are unknown: {_first(unknown)}; does the config fit?")


def _check_shapes(
    config: GPT2Config, expected: Mapping[str, tuple[int, ...]], state: Mapping[str, Array]
) -> None:
    table = state[INPUT_TABLE].shape
    if len(table) == 2 and table[0] != config.vocab_size:
        raise ConfigError(f"vocab_size: config says {config.vocab_size}, the token table has {table[0]} rows")
    wrong = [name for name, shape in expected.items() if state[name].shape != shape]
    if wrong:
        details = (f"{name} expects {expected[name]}, got {state[name].shape}" for name in wrong[:5])
        raise ModelFormatError(f"{len(wrong)} tensors have another shape: {'; '.join(details)}")


def _first(names: Set[str]) -> str:
    """Five of them on one line, whatever characters a file has put into them."""
    shown = (repr(name)[1:-1][:100] for name in sorted(names)[:5])
    return ", ".join(shown) + (", ..." if len(names) > 5 else "")
