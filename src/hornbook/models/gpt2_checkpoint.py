"""GPT-2 in files, which have the names of the model.

What differs between writers: a `transformer.` before every name, constant buffers of the attention mask, and
an `lm_head.weight` that repeats the token table, or replaces it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from hornbook.backend import Array, get_backend
from hornbook.models.checkpoint import CheckpointFormat, StoredParameter
from hornbook.models.gpt2_config import GPT2Config

__all__ = ["GPT2Checkpoint"]

OUTPUT_TABLE = "lm_head.weight"


class GPT2Checkpoint(CheckpointFormat[GPT2Config]):
    """Names and shapes of GPT-2's tensors, and whether its output table is the token table."""

    prefix = "transformer."
    buffers = re.compile(r"h\.\d+\.attn\.(bias|masked_bias)")
    input_embedding = "wte.weight"
    signature = frozenset({"wpe.weight", "h.0.attn.c_attn.weight", "ln_f.weight"})

    def parameters(self, config: GPT2Config) -> Iterator[StoredParameter]:
        """Every parameter, by the name that it has in the model as well."""
        c, inner = config.n_embd, config.inner_size
        stored = StoredParameter.alone
        yield stored(self.input_embedding, config.vocab_size, c)
        yield stored("wpe.weight", config.n_positions, c)
        for i in range(config.n_layer):
            yield from _layer_norm(f"h.{i}.ln_1", c)
            yield from _linear(f"h.{i}.attn.c_attn", c, 3 * c)
            yield from _linear(f"h.{i}.attn.c_proj", c, c)
            yield from _layer_norm(f"h.{i}.ln_2", c)
            yield from _linear(f"h.{i}.mlp.c_fc", c, inner)
            yield from _linear(f"h.{i}.mlp.c_proj", inner, c)
        yield from _layer_norm("ln_f", c)
        if not config.tie_word_embeddings:
            yield stored(OUTPUT_TABLE, config.vocab_size, c)

    def settle(self, config: GPT2Config, files: dict[str, str], tensors: Mapping[str, Array]) -> GPT2Config:
        """Drops an output table that only repeats the token table; one that differs unties the model.

        transformers takes it so, whatever `tie_word_embeddings` says.
        """
        if not config.tie_word_embeddings or OUTPUT_TABLE not in files:
            return config
        output_table = files.pop(OUTPUT_TABLE)
        token_table = files.setdefault(self.input_embedding, output_table)
        if token_table == output_table or get_backend().array_equal(
            tensors[token_table], tensors[output_table]
        ):
            return config
        files[OUTPUT_TABLE] = output_table
        return replace(config, tie_word_embeddings=False)

    def written_name(self, name: str) -> str:
        """The output table belongs to the head, not to the `transformer`."""
        return name if name == OUTPUT_TABLE else super().written_name(name)


def _layer_norm(name: str, size: int) -> Iterator[StoredParameter]:
    yield StoredParameter.alone(f"{name}.weight", size)
    yield StoredParameter.alone(f"{name}.bias", size)


def _linear(name: str, n_in: int, n_out: int) -> Iterator[StoredParameter]:
    yield StoredParameter.alone(f"{name}.weight", n_in, n_out)
    yield StoredParameter.alone(f"{name}.bias", n_out)
