"""What the rest of the package asks of a model, whatever its family.

`loading`, `generation` and `embedding` are typed to these protocols and name no family. `registry.py` says
which classes belong to a `model_type`. Shapes: N rows (the tokens of all sequences, packed one after the
other), C = n_embd, V = vocab_size.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, Self, runtime_checkable

from hornbook.backend import Array, KVCache, PackedBatch, WeightType
from hornbook.tensor import Tensor

__all__ = ["Classifier", "Decoder", "Encoder", "ModelConfig", "Traceable"]


class ModelConfig(Protocol):
    """The shape of a model, by the keys of GPT-2's config.json; a family with other keys translates them."""

    @property
    def model_type(self) -> str:
        """The family, as config.json names it."""

    @property
    def vocab_size(self) -> int:
        """V, rows of the token table."""

    @property
    def n_positions(self) -> int:
        """The longest text, in tokens."""

    @property
    def n_embd(self) -> int:
        """C, features of a token."""

    @property
    def n_layer(self) -> int:
        """Number of blocks."""

    @property
    def bos_token_id(self) -> int | None:
        """The token that begins a text; None leaves that to the tokenizer."""

    @property
    def eos_token_ids(self) -> tuple[int, ...]:
        """The tokens that end a text; none leaves that to the tokenizer."""

    @property
    def num_parameters(self) -> int:
        """How many numbers such a model learns, computed without making one."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Takes the keys it knows out of a config.json; raises ConfigError for a value that does not fit."""

    def to_dict(self) -> dict[str, Any]:
        """The content of a config.json that transformers reads as well."""


@runtime_checkable
class Encoder(Protocol):
    """A model that makes one vector of each token: a `Module` with `encode`."""

    @property
    def config(self) -> Any:
        """Its `ModelConfig`."""

    def encode(self, batch: PackedBatch) -> Tensor:
        """The last hidden state of every token, `[N, C]`; raises ContextLengthError for texts too long."""

    def state_dict(self) -> dict[str, Array]:
        """The values of all parameters by name, float32."""

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Takes over the arrays in `state` as they are."""

    @property
    def weight_type(self) -> WeightType:
        """How the large matrices are held."""

    def weights_bytes(self) -> int:
        """Memory of the weights in bytes, as they are held."""

    def pack(self, dtype: WeightType) -> object:
        """Lays the large matrices out as the backend multiplies them fastest, for use without gradients."""


@runtime_checkable
class Decoder(Encoder, Protocol):
    """A model that says, for each token, what comes next."""

    def encode(self, batch: PackedBatch, cache: KVCache | None = None) -> Tensor:
        """As `Encoder.encode`; with a cache, the batch continues the sequences in it."""

    def logits(self, hidden: Tensor) -> Tensor:
        """How likely each token of the vocabulary is to come next, `[N, C] -> [N, V]`."""

    def new_cache(self, n_sequences: int, capacity: int) -> KVCache:
        """Room for the keys and values of `capacity` tokens of each sequence."""


@runtime_checkable
class Classifier(Encoder, Protocol):
    """A model that finds the class of a text."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes."""

    def classify(self, batch: PackedBatch) -> Tensor:
        """Logits of the classes of each sequence, `[B, labels]`."""


@runtime_checkable
class Traceable(Decoder, Protocol):
    """A decoder that shows its steps, for `explain`."""

    def hidden_states(self, batch: PackedBatch) -> Iterator[Tensor]:
        """The stream after the embedding, after each block, and after the last normalisation."""

    def attention_weights(self, batch: PackedBatch) -> Tensor:
        """How much each token of one sequence attends to each, `[n_layer, n_head, T, T]`."""

    def stages(self, n_tokens: int) -> list[tuple[str, str]]:
        """Name of each hidden state, and how it is computed, with the shapes on the way."""
