"""Makes tests/golden/sampling.npz: what transformers' logits processors leave of some scores.

`scores` is float32 [5, 13]: two random rows, one with ties at every cut, one flat, one with a single likely
token. Every other key is one of `CHAINS`, float32 [5, 13], with -inf where a token was removed. Processors of
a chain run in transformers' own order: temperature, top-k, top-p, min-p.

Top-k and min-p keep all that tie with the last one kept. Top-p keeps as many as it needs, and which of the
tied ones is left to `torch.sort` (here the higher ids): in rows 2 and 3 only their number can be relied on.
"""

from pathlib import Path

import torch
from goldens import Arrays, write_npz, write_versions
from transformers.generation import (
    LogitsProcessor,
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

HERE = Path(__file__).resolve().parent
SEED = 223
VOCAB_SIZE = 13

CHAINS: dict[str, list[LogitsProcessor]] = {
    "temperature_0.7": [TemperatureLogitsWarper(0.7)],
    "top_k_1": [TopKLogitsWarper(1)],
    "top_k_3": [TopKLogitsWarper(3)],
    "top_k_50": [TopKLogitsWarper(50)],
    "top_p_0.0": [TopPLogitsWarper(0.0)],
    "top_p_0.5": [TopPLogitsWarper(0.5)],
    "top_p_0.9": [TopPLogitsWarper(0.9)],
    "min_p_0.2": [MinPLogitsWarper(0.2)],
    "temperature_0.7_top_k_5_top_p_0.8_min_p_0.1": [
        TemperatureLogitsWarper(0.7),
        TopKLogitsWarper(5),
        TopPLogitsWarper(0.8),
        MinPLogitsWarper(0.1),
    ],
}


def make_scores() -> torch.Tensor:
    """The rows that the module docstring lists."""
    scores = torch.randn(5, VOCAB_SIZE) * 2
    scores[2] = torch.tensor([1.0, 3, 2, 3, 2, 2, 0, 1, 3, -1, 2, 3, 0])
    scores[3] = 0.5
    scores[4, 7] = 20.0
    return scores


def main() -> None:
    """Writes sampling.npz and sampling_versions.json."""
    torch.manual_seed(SEED)
    scores = make_scores()
    no_ids = torch.empty((len(scores), 0), dtype=torch.long)
    arrays: Arrays = {"scores": scores.numpy()}
    for name, processors in CHAINS.items():
        arrays[name] = LogitsProcessorList(processors)(no_ids, scores).numpy()
    write_npz(HERE / "sampling.npz", arrays)
    write_versions(HERE / "sampling_versions.json", seed=SEED)


if __name__ == "__main__":
    main()
