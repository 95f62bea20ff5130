"""The models that are measured, as folders that every peer reads: random weights serve for speed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product
from pathlib import Path
from typing import cast

import numpy as np

from hornbook import load
from hornbook.hub import ModelBundle
from hornbook.loading import read_config, save_model
from hornbook.models import GPT2, GPT2Config
from hornbook.tokenizer import BPETokenizer
from hornbook.tokenizer.unicode.byte_alphabet import BYTE_TO_CHARACTER

END_OF_TEXT = "<|endoftext|>"
WORDS = (
    "the a this every small old river house child light morning garden story winter people water road window "
    "letter music question answer field market voice carries opens finds leaves follows remembers under over "
    "behind without between near quietly often again slowly"
)
POSITION_SCALE = 10
"""Positions are drawn this much larger, so that the likeliest id changes from step to step."""


def config(vocab_size: int, n_positions: int, n_embd: int, n_layer: int, n_head: int) -> GPT2Config:
    """The shape of a random model, without dropout: training must be deterministic."""
    return GPT2Config(
        vocab_size=vocab_size,
        n_positions=n_positions,
        n_embd=n_embd,
        n_layer=n_layer,
        n_head=n_head,
        bos_token_id=vocab_size - 1,
        eos_token_id=vocab_size - 1,
        attn_pdrop=0.0,
        embd_pdrop=0.0,
        resid_pdrop=0.0,
    )


CONFIGS = {
    "124M": config(50257, 1024, 768, 12, 12),
    "10M": config(8192, 512, 320, 6, 5),
    "1M": config(2311, 512, 128, 4, 4),
}


@dataclass(frozen=True)
class Subject:
    """A model to measure.

    Attributes:
        name: of a row of CONFIGS, or a built-in model.
        folder: where it is.
    """

    name: str
    folder: Path

    @cached_property
    def config(self) -> GPT2Config:
        """Its shape."""
        return cast(GPT2Config, read_config(ModelBundle.from_folder(self.folder)))

    @cached_property
    def tokenizer(self) -> BPETokenizer:
        """Its tokenizer."""
        return BPETokenizer.from_files(self.folder / "vocab.json", self.folder / "merges.txt")

    def ids(self, count: int, seed: int = 0) -> list[int]:
        """Random ids, the end-of-text token not among them."""
        ids: list[int] = np.random.default_rng(seed).integers(0, self.config.vocab_size - 1, count).tolist()
        return ids

    def batches(self, count: int, n_sequences: int, length: int) -> list[list[list[int]]]:
        """Random batches for training, all different."""
        ids = np.array(self.ids(count * n_sequences * length))
        batches: list[list[list[int]]] = ids.reshape(count, n_sequences, length).tolist()
        return batches


def subject(name: str, work: Path, vocab: Path | None = None) -> Subject:
    """Makes the folder, unless it exists.

    Args:
        name: of a row of CONFIGS, or a built-in model.
        work: where folders are kept.
        vocab: a folder with the vocabulary of GPT-2, for the models that have as many tokens.
    """
    real = vocab is not None and name == "124M"
    folder = work / (f"{name}-real-vocabulary" if real else name)
    if not (folder / "config.json").exists():  # written last
        folder.mkdir(parents=True, exist_ok=True)
        if name in CONFIGS:
            tokenizer = read_vocabulary(vocab) if vocab and real else make_vocabulary(CONFIGS[name], folder)
            save_model(folder, random_model(CONFIGS[name]), tokenizer)
        else:
            load(name).save(folder)
    return Subject(name, folder)


def random_model(config: GPT2Config) -> GPT2:
    """Weights with standard deviation 0.02, always the same."""
    model = GPT2(config, seed=0)
    model.wpe.weight.data *= POSITION_SCALE
    return model


def read_vocabulary(folder: Path) -> BPETokenizer:
    """The vocabulary of GPT-2."""
    return BPETokenizer.from_files(*vocabulary_files(folder))


def vocabulary_files(folder: Path) -> tuple[Path, Path]:
    """The tokens and the merges of GPT-2, under either of the names that the files are known by."""
    for vocab, merges in (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")):
        if (folder / vocab).exists():
            return folder / vocab, folder / merges
    raise SystemExit(f"--vocab: {folder} has neither vocab.json nor encoder.json")


def make_vocabulary(config: GPT2Config, folder: Path) -> BPETokenizer:
    """As many tokens as the model has: all bytes, pairs of bytes, and the end of a text."""
    letters = list(BYTE_TO_CHARACTER)
    pairs = list(islice(product(letters, letters), config.vocab_size - len(letters) - 1))
    tokens = [*letters, *(left + right for left, right in pairs), END_OF_TEXT]
    vocab, merges = folder / "vocab.json", folder / "merges.txt"
    vocab.write_text(json.dumps({token: i for i, token in enumerate(tokens)}), encoding="utf-8")
    merges.write_text("".join(f"{left} {right}\n" for left, right in pairs), encoding="utf-8")
    return BPETokenizer.from_files(vocab, merges)


def sentences(count: int, n_words: int) -> list[str]:
    """Different sentences of ordinary words."""
    return list(islice(_sentences(n_words), count))


def _sentences(n_words: int) -> Iterator[str]:
    rng = np.random.default_rng(0)
    while True:
        yield " ".join(rng.choice(WORDS.split(), n_words)).capitalize() + "."
