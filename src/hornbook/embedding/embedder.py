"""Embedder: from sentences to vectors, and what they are good for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from hornbook.backend import PackedBatch
from hornbook.builtin import DEFAULT_EMBEDDING_MODEL
from hornbook.embedding.pooling import EmbeddingModule, Pooling
from hornbook.errors import ConfigError, ContextLengthError, ModelFormatError
from hornbook.loading import check_finite, load_model
from hornbook.models import Encoder, ModelConfig
from hornbook.similarity import SimilarityCalculator, matrix
from hornbook.tensor import no_grad
from hornbook.tokenizer import AnyTokenizer

__all__ = ["Embedder", "Match"]

Ids: TypeAlias = NDArray[np.int32]
Vectors: TypeAlias = NDArray[Any]
Texts: TypeAlias = str | Sequence[str] | NDArray[Any]

KINDS_OF_TEXT = "UTO"
"""Of arrays: strings of a fixed length, of any length, and objects."""


@dataclass(frozen=True)
class Match:
    """A text that was found.

    Attributes:
        index: its position among the texts that were searched.
        score: its cosine with the query, -1 to 1.
        text: the text itself.
    """

    index: int
    score: float
    text: str


class Embedder:
    """Turns texts into vectors: a model makes one of each token, modules one of each text.

    A text gives the same vector alone or among others.

    Args:
        model: an encoder, or the name of one: a built-in model, a folder, or a repository of the Hugging Face
            Hub, see `Embedder.load`.
        tokenizer: what turns texts into the model's ids; belongs to a model that is no name.
        modules: what makes one vector of those of a text's tokens, one after the other.
        dtype: how the large matrices are held in memory: "float32", "bfloat16" or "int8"; for a name.
        revision: branch, tag or commit of a repository; for a name.
        allow_nonfinite: load weights although some are NaN or infinite, to look at them; for a name.
        name: what `repr` calls it; None for the name it was loaded by, or the class of the model.

    Attributes:
        model: the encoder.
        tokenizer: its tokenizer.
        modules: see above.
        name: what the model was loaded by.
        source: its folder, where it has one.

    Raises:
        ConfigError: a model without a tokenizer; see also `Embedder.load`.

    Example:
        >>> embedder = Embedder("tiny-lm")
        >>> embedder.encode(["The cat sleeps.", "A cat is resting."]).shape
        (2, 256)
    """

    def __init__(
        self,
        model: Encoder | str | Path = DEFAULT_EMBEDDING_MODEL,
        tokenizer: AnyTokenizer | None = None,
        modules: Sequence[EmbeddingModule] = (Pooling("mean"),),
        *,
        dtype: str = "float32",
        revision: str | None = None,
        allow_nonfinite: bool = False,
        name: str | None = None,
    ) -> None:
        source = name
        if isinstance(model, str | Path):
            loaded = load_model(model, dtype=dtype, revision=revision, allow_nonfinite=allow_nonfinite)
            model, tokenizer, name = loaded.model, tokenizer or loaded.tokenizer, name or loaded.name
            source = str(loaded.bundle.folder)
        self.name = type(model).__name__ if name is None else name
        self.source = self.name if source is None else source
        if tokenizer is None:
            raise ModelFormatError(
                f"{self.source}: no tokenizer files beside the model; give one: Embedder(model, tokenizer)"
            )
        self.model = model
        self.tokenizer = tokenizer
        self.modules = tuple(modules)

    @classmethod
    def load(
        cls,
        name_or_folder: str | Path = DEFAULT_EMBEDDING_MODEL,
        *,
        dtype: str = "float32",
        revision: str | None = None,
        allow_nonfinite: bool = False,
    ) -> Self:
        """The embedder of a built-in model, a folder or a repository.

        Raises:
            ModelFormatError: a file is damaged or does not fit the configuration, or there is no tokenizer.
            TokenizerError: the tokenizer's files are damaged, or ask for what is not supported.
            ConfigError: the configuration is of no known family, or an argument is out of range.
            DownloadError: the repository is not cached and cannot be downloaded.
        """
        return cls(name_or_folder, dtype=dtype, revision=revision, allow_nonfinite=allow_nonfinite)

    @property
    def config(self) -> ModelConfig:
        """The model's shape."""
        config: ModelConfig = self.model.config
        return config

    @property
    def dimensions(self) -> int:
        """C, the length of a vector."""
        return self.config.n_embd

    def __repr__(self) -> str:
        return f"Embedder({self.name!r}, {self.dimensions} dimensions, modules={self.modules!r})"

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
            sentences: one text, or several in a sequence or an array. An empty one counts as the token that
                begins a text.
            batch_size: how many texts the model sees at a time; memory and speed, not results.
            normalize_embeddings: scale every vector to length 1.
            truncate: cut texts that have more tokens than the model takes, instead of refusing them.

        Returns:
            float32, `[C]` for one text, `[B, C]` for several in their order.

        Raises:
            ContextLengthError: a text has more tokens than the model takes.
            ModelFormatError: a number of a vector is not finite.
            ConfigError: batch_size is below 1.
            TypeError: a text is not a str.
        """
        if batch_size < 1:
            raise ConfigError(f"batch_size: expected 1 or more, got {batch_size}")
        if isinstance(sentences, np.ndarray) and sentences.ndim == 0:
            sentences = sentences.item()
        is_one = isinstance(sentences, str)
        texts = [sentences] if isinstance(sentences, str) else _several("sentences", sentences)
        batches = [self._encode_batch(batch, truncate) for batch in _batches(texts, batch_size)]
        vectors = np.concatenate([np.empty((0, self.dimensions), np.float32), *batches])
        if normalize_embeddings:
            _scale_to_unit(vectors)
        return vectors[0] if is_one else vectors

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
        """Arrays of numbers are vectors, all else is texts."""
        if isinstance(x, np.ndarray) and x.dtype.kind not in KINDS_OF_TEXT:
            return x
        return self.encode(x)

    def _encode_batch(self, texts: Sequence[str], truncate: bool) -> Vectors:
        batch = self._pack(texts, truncate)
        with no_grad():
            vectors = self.model.encode(batch)
            for module in self.modules:
                vectors = module(vectors, batch)
        return check_finite(vectors.numpy(), source=self.source, what="the vectors")

    def _pack(self, texts: Sequence[str], truncate: bool) -> PackedBatch:
        """The tokens of texts; an empty one is the token that begins a text."""
        limit = self.config.n_positions
        encoded = self.tokenizer.encode_batch(
            texts, max_length=limit if truncate else None, on_overflow="truncate"
        )
        lengths = np.diff(encoded.offsets)
        if lengths.max(initial=0) > limit:
            index = int(np.argmax(lengths > limit))
            raise ContextLengthError(
                f"encode: the text {texts[index][:30]!r}... has {lengths[index]} tokens, the model takes "
                f"{limit}; shorten it, or cut it with truncate=True"
            )
        if lengths.all():
            return PackedBatch.from_offsets(encoded.ids, encoded.offsets)
        return PackedBatch.from_offsets(*self._with_beginnings(encoded.ids, lengths))

    def _with_beginnings(self, ids: Ids, lengths: Ids) -> tuple[Ids, Ids]:
        """Puts the token that begins a text where there is no other."""
        begin = self.tokenizer.bos_token_id
        if begin is None:
            raise ConfigError("encode: a text is empty, and the model has no token that begins a text")
        offsets = np.cumsum([0, *lengths], dtype=np.int32)
        filled = np.insert(ids, offsets[:-1][lengths == 0], begin)
        return filled, np.cumsum([0, *np.maximum(lengths, 1)], dtype=np.int32)


def _batches(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (texts[begin : begin + size] for begin in range(0, len(texts), size))


def _several(name: str, texts: Sequence[str] | NDArray[Any]) -> list[str]:
    """A list of texts; a single one would be split into its characters."""
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise TypeError(f"{name}: expected a list of texts, got one {type(texts).__name__}")
    return list(texts)


def _scale_to_unit(vectors: Vectors) -> None:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    np.divide(vectors, norms, out=vectors, where=norms > 0)
