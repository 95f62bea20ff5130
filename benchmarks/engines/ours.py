"""Hornbook."""

from typing import Any, cast

from benchmarks.engines.tokens import Ids, Tokens

from hornbook import GPT2, BPETokenizer, Embedder, GenerationConfig, LanguageModel, TextGenerator
from hornbook.backend import PackedBatch
from hornbook.loading import load_model
from hornbook.models import Decoder
from hornbook.optim import AdamW

PACKAGES = ("hornbook", "numpy")


class Model:
    """Generates ids."""

    PACKAGES = PACKAGES

    def __init__(self, folder: str, kind: str) -> None:
        self.folder, self.kind = folder, kind
        self.generator = TextGenerator(self._load())

    def load(self) -> None:
        """Loads it once more."""
        self._load()

    def decode(self, ids: list[int], count: int) -> list[int]:
        """The likeliest `count` ids after a prompt."""
        config = GenerationConfig(temperature=0, max_new_tokens=count, eos_token_ids=())
        return list(self.generator.generate(ids, config).new_ids)

    def prefill(self, ids: list[int]) -> list[int]:
        """The likeliest id after a prompt."""
        return self.decode(ids, 1)

    def _load(self) -> Decoder:
        return LanguageModel(load_model(self.folder, dtype=self.kind).model).model


class Sentences:
    """Makes vectors of texts."""

    PACKAGES = PACKAGES

    def __init__(self, folder: str) -> None:
        self.embedder = Embedder(folder)

    def encode(self, sentences: list[str], shown: int = 5) -> Any:
        """Mean vectors; the first numbers of each are returned."""
        return self.embedder.encode(sentences, batch_size=32)[:, :shown].tolist()


class Arrays(Tokens):
    """Encodes a text, into an array."""

    PACKAGES = PACKAGES

    def __init__(self, vocab: str, merges: str, text: str, n_bytes: int) -> None:
        super().__init__(text, n_bytes)
        self.tokenizer = BPETokenizer.from_files(vocab, merges)

    def ids(self) -> Ids:
        """All of the text as one of a batch."""
        return self.tokenizer.encode_batch([self.text]).ids


class Training:
    """Trains all weights with AdamW."""

    PACKAGES = PACKAGES

    def __init__(self, folder: str, lr: float, weight_decay: float) -> None:
        self.model = cast(GPT2, load_model(folder, trainable=True).model)
        self.model.train()
        self.optimizer = AdamW(self.model.parameters(), lr=lr, weight_decay=weight_decay)

    def train(self, batches: list[list[list[int]]]) -> list[float]:
        """One step for each batch; the losses before each."""
        return [self._step(PackedBatch.pack(rows)) for rows in batches]

    def _step(self, batch: PackedBatch) -> float:
        self.optimizer.zero_grad()
        loss = self.model.loss(batch)
        loss.backward()
        self.optimizer.step()
        return float(loss.numpy())
