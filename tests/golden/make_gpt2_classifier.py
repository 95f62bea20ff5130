"""Makes tests/golden/gpt2_classifier/: GPT2ForSequenceClassification of transformers, and its logits.

One folder a case. `expected.npz`, for B sequences packed one after the other, each computed alone:

| key     | dtype and shape     | meaning |
|---------|---------------------|---------|
| ids     | int32 [N]           | the sequences; the last ones end with padding tokens, which do not count |
| offsets | int32 [B+1]         | where each begins; the last entry is N |
| logits  | float32 [B, labels] | |
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from goldens import write_npz, write_versions
from make_gpt2 import randomise, shape
from transformers import GPT2Config, GPT2ForSequenceClassification, logging

FOLDER = Path(__file__).resolve().parent / "gpt2_classifier"
LENGTHS = (5, 11, 1, 7)
CASES: dict[str, tuple[int, dict[str, Any]]] = {
    "three_labels": (201, {"id2label": {0: "no", 1: "perhaps", 2: "yes"}, "pad_token_id": 46}),
    "one_score": (202, {"num_labels": 1}),
}


def make(name: str, seed: int, settings: dict[str, Any]) -> None:
    """Writes one case's folder."""
    torch.manual_seed(seed)
    folder = FOLDER / name
    config = GPT2Config(**shape(47, 19, 14, 2, 2), bos_token_id=46, eos_token_id=46, **settings)
    model = GPT2ForSequenceClassification(config)
    randomise(model)
    model.save_pretrained(folder)
    loaded = GPT2ForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    sequences = [torch.randint(46, (length,)) for length in LENGTHS]
    sequences[-1][-2:] = 46
    with torch.no_grad():
        logits = torch.cat([loaded(ids[None]).logits for ids in sequences])
    arrays = {
        "ids": torch.cat(sequences).int().numpy(),
        "offsets": np.cumsum([0, *LENGTHS], dtype=np.int32),
        "logits": logits.numpy(),
    }
    write_npz(folder / "expected.npz", arrays)


def main() -> None:
    """Makes the whole folder anew."""
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name, (seed, settings) in CASES.items():
        make(name, seed, settings)
    write_versions(FOLDER / "versions.json", seeds={name: seed for name, (seed, _) in CASES.items()})


if __name__ == "__main__":
    main()
