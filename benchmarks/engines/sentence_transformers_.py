"""sentence-transformers: the mean over the tokens of the last hidden states."""

import os
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Pooling, Transformer


class Sentences:
    """Makes vectors of texts."""

    PACKAGES = ("sentence-transformers", "torch", "transformers")

    def __init__(self, folder: str) -> None:
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        transformer = Transformer(folder)
        transformer.tokenizer.pad_token = transformer.tokenizer.eos_token
        pooling = Pooling(transformer.get_word_embedding_dimension(), "mean")
        self.model = SentenceTransformer(modules=[transformer, pooling], device="cpu")

    def encode(self, sentences: list[str], shown: int = 5) -> Any:
        """Mean vectors; the first numbers of each are returned."""
        vectors = self.model.encode(sentences, batch_size=32, show_progress_bar=False)
        return vectors[:, :shown].tolist()
