"""Embedder: from sentences to vectors, and what they are good for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from hornbook.backend import PackedBatch
from hornbook.builtin import DEFAULT_EMBEDDING_MODEL
from hornbook.embedding.pooling import mean_pooling
from hornbook.errors import ConfigError, ContextLengthError
from hornbook.loading import ModelBacked, load_model
from hornbook.similarity import SimilarityCalculator, matrix
from hornbook.tensor import no_grad

__all__ = ["Embedder", "Match"]

Vectors: TypeAlias = NDArray[Any]
Texts: TypeAlias = str | Sequence[str]


@dataclass(frozen=True)
class Match:
    """A text that was found.

    Attributes:
        index: its place among the texts that were searched.
        score: its cosine with the query, -1 to 1.
        text: the text itself.
    """

    index: int
    score: float
    text: str


class Embedder(ModelBacked):
    """Turns texts into vectors: the mean of the model's last hidden states over the tokens of a text.

    A text gives the same vector alone or among others.

    Args:
        name_or_folder: a built-in model, a folder, or a repository of the Hugging Face Hub.
        dtype: how the large matrices are held in memory: "float32", "bfloat16" or "int8".
        revision: branch, tag or commit of a repository.

    Raises:
        ModelFormatError: a file is damaged or does not fit the configuration.
        ConfigError: the configuration is not one of a GPT-2, or an argument is out of range.
        DownloadError: the repository is not cached and cannot be downloaded.

    Example:
        >>> embedder = Embedder("tiny-lm")
        >>> embedder.encode(["The cat sleeps.", "A cat is resting."]).shape
        (2, 256)
    """

    def __init__(
        self,
        name_or_folder: str | Path = DEFAULT_EMBEDDING_MODEL,
        dtype: str = "float32",
        revision: str | None = None,
    ) -> None:
        super().__init__(load_model(name_or_folder, dtype=dtype, revision=revision))

    @property
    def dimensions(self) -> int:
        """C, the length of a vector."""
        return self.config.n_embd

    def encode(
        self,
        sentences: Texts,
        *,
        batch_size: int = 32,
        normalize_embeddings: bool = False,
        truncate: bool = False,
    ) -> Vectors:
        """Vectors of texts.

        Args:
            sentences: one text, or several. An empty one counts as the token that begins a text.
            batch_size: how many texts the model sees at a time; memory and speed, not results.
            normalize_embeddings: scale every vector to length 1.
            truncate: cut texts that have more tokens than the model takes, instead of refusing them.

        Returns:
            float32, `[C]` for one text, `[B, C]` for several in their order.

        Raises:
            ContextLengthError: a text has more tokens than the model takes.
            ConfigError: batch_size is below 1.
            TypeError: a text is not a str.
        """
        if batch_size < 1:
            raise ConfigError(f"batch_size: expected 1 or more, got {batch_size}")
        texts = [sentences] if isinstance(sentences, str) else _several("sentences", sentences)
        batches = [
            self._encode_batch([self._ids(text, truncate) for text in batch])
            for batch in _batches(texts, batch_size)
        ]
        vectors = np.concatenate([np.empty((0, self.dimensions), np.float32), *batches])
        if normalize_embeddings:
            _scale_to_unit(vectors)
        return vectors[0] if isinstance(sentences, str) else vectors

    def encode_sentences(self, sentences: Sequence[str], **options: Any) -> Vectors:
        """`encode` for a list: one row for each sentence, in order, `[B, C]`.

        Raises:
            TypeError: sentences is a single str; see also `encode`.
        """
        return self.encode(_several("sentences", sentences), **options)

    @overload
    def similarity(self, a: str, b: str) -> float: ...
    @overload
    def similarity(self, a: Texts | Vectors, b: Texts | Vectors) -> Any: ...
    def similarity(self, a: Texts | Vectors, b: Texts | Vectors) -> Any:
        """Raw cosines, from -1 to 1, of each of a with each of b.

        Args:
            a: a text, a list of texts, or their vectors as an array `[C]` or `[A, C]`.
            b: the same.

        Returns:
            float64 `[A, B]`. A side that is a single text or vector has no axis: two texts give a number.
        """
        left, right = self._vectors(a), self._vectors(b)
        return matrix(left, right).reshape(left.shape[:-1] + right.shape[:-1])[()]

    def find_most_similar(self, query: str, texts: Sequence[str], top_k: int = 5) -> list[Match]:
        """The texts most like the query by cosine, the best first; among equals the first text.

        Args:
            query: one text.
            texts: where to search.
            top_k: how many are wanted; all if there are fewer.

        Raises:
            ConfigError: top_k is negative.
            TypeError: texts is a single str; see also `encode`.
        """
        candidates = _several("texts", texts)
        found = SimilarityCalculator().find_most_similar(self.encode(query), self.encode(candidates), top_k)
        return [Match(index, score, candidates[index]) for index, score in found]

    def _vectors(self, x: Texts | Vectors) -> Vectors:
        if isinstance(x, np.ndarray):
            return x
        return self.encode(x)

    def _ids(self, text: str, truncate: bool) -> list[int]:
        ids = self._encode_text(text)
        limit = self.config.n_positions
        if len(ids) > limit and not truncate:
            raise ContextLengthError(
                f"encode: the text {text[:30]!r}... has {len(ids)} tokens, the model takes {limit}; "
                "shorten it, or cut it with truncate=True (--truncate)"
            )
        return ids[:limit]

    def _encode_batch(self, sequences: Iterable[list[int]]) -> Vectors:
        batch = PackedBatch.pack(sequences)
        with no_grad():
            return mean_pooling(self.model.encode(batch), batch).numpy()


def _batches(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (texts[begin : begin + size] for begin in range(0, len(texts), size))


def _several(name: str, texts: Sequence[str]) -> list[str]:
    """A list of texts; a single one would fall apart into its characters."""
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise TypeError(f"{name}: expected a list of texts, got one {type(texts).__name__}")
    return list(texts)


def _scale_to_unit(vectors: Vectors) -> None:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    np.divide(vectors, norms, out=vectors, where=norms > 0)
