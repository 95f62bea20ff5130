"""transformers on PyTorch."""

import os
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

PACKAGES = ("torch", "transformers")


def load(folder: str, dtype: str = "float32") -> Any:
    """The model, computing with as many threads as the harness asks for."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    return AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()


class Model:
    """Generates ids, without the sampling machinery of `generate`, which would take a part of the time."""

    PACKAGES = PACKAGES

    def __init__(self, folder: str, kind: str) -> None:
        self.folder, self.kind = folder, kind
        self.model = load(folder, kind)

    def load(self) -> None:
        """Loads it once more."""
        load(self.folder, self.kind)

    def decode(self, ids: list[int], count: int) -> list[int]:
        """The likeliest `count` ids behind a prompt."""
        cache, fresh, drawn = None, torch.tensor([ids]), []
        with torch.inference_mode():
            for _ in range(count):
                output = self.model(fresh, past_key_values=cache, use_cache=True, logits_to_keep=1)
                cache = output.past_key_values
                fresh = output.logits[:, -1].argmax(-1, keepdim=True)
                drawn.append(int(fresh))
        return drawn

    def prefill(self, ids: list[int]) -> list[int]:
        """The likeliest id behind a prompt."""
        return self.decode(ids, 1)


class Sentences:
    """Makes vectors of texts: batches with padding, and the mean over what is none."""

    PACKAGES = PACKAGES

    def __init__(self, folder: str) -> None:
        self.model = load(folder).transformer
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.tokenizer.pad_token = self.tokenizer.eos_token

    def encode(self, sentences: list[str], shown: int = 5, batch_size: int = 32) -> Any:
        """Mean vectors; the first numbers of each are returned."""
        batches = [sentences[i : i + batch_size] for i in range(0, len(sentences), batch_size)]
        with torch.inference_mode():
            return torch.cat([self._encode(batch) for batch in batches])[:, :shown].tolist()

    def _encode(self, sentences: list[str]) -> Any:
        batch = self.tokenizer(sentences, padding=True, return_tensors="pt")
        mask = batch["attention_mask"][..., None]
        hidden = self.model(**batch, use_cache=False).last_hidden_state
        return (hidden * mask).sum(1) / mask.sum(1)


class Training:
    """Trains all weights with AdamW, fused, which is PyTorch's fastest on a CPU."""

    PACKAGES = PACKAGES

    def __init__(self, folder: str, lr: float, weight_decay: float) -> None:
        self.model = load(folder).train()
        parameters = list(self.model.parameters())
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
            {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=lr, fused=True)

    def train(self, batches: list[list[list[int]]]) -> list[float]:
        """One step for each batch; the losses before each."""
        return [self._step(torch.tensor(rows)) for rows in batches]

    def _step(self, ids: Any) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.model(ids, labels=ids, use_cache=False).loss
        loss.backward()
        self.optimizer.step()
        return float(loss)
