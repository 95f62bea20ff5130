"""Decoding one text step by step: tokens go into the model, the logits of the next one come out."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from hornbook.backend import Array, PackedBatch, get_backend
from hornbook.loading import check_finite
from hornbook.models import Decoder
from hornbook.tensor import no_grad

__all__ = ["Decoding"]


class Decoding:
    """The cache of one text, and the steps that continue it.

    Args:
        model: any decoder.
        capacity: the largest number of tokens that the text will have.
        source: what messages call the model.
    """

    def __init__(self, model: Decoder, capacity: int, source: str) -> None:
        self._model = model
        self._source = source
        self._cache = model.new_cache(1, capacity)
        self._token = PackedBatch.step([0], self._cache.lengths)
        self._step = get_backend().repeatable(self._next_logits)

    def read(self, ids: Sequence[int]) -> NDArray[Any]:
        """Reads the next tokens, at least one; the logits after the last, `[V]`.

        The next call overwrites them.

        Raises:
            ContextLengthError: there is no room for them.
            ModelFormatError: the model's numbers are not finite.
        """
        with no_grad():
            logits: Array = (self._read_one(ids[0]) if len(ids) == 1 else self._read_many(ids))[0]
        return check_finite(logits, source=self._source, what="the logits")

    def _read_many(self, ids: Sequence[int]) -> Array:
        hidden = self._model.encode(PackedBatch.pack([ids], self._cache.lengths), self._cache)
        return self._model.logits(hidden[-1:]).numpy()

    def _read_one(self, token_id: int) -> Array:
        self._token.ids[0] = token_id
        self._token.positions[:] = self._cache.lengths
        return self._step()

    def _next_logits(self) -> Array:
        return self._model.logits(self._model.encode(self._token, self._cache)).numpy()
