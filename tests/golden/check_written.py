"""Checks by hand that transformers loads a folder which Hornbook wrote, with the logits of the original.

    python tests/golden/check_written.py WRITTEN ORIGINAL

Loads both with `AutoModelForCausalLM` in float32, and with `AutoTokenizer` where the original has a tokenizer
(the ids must then be equal); prints the largest absolute difference of the logits. Exit code 1 above 1e-4.
"""

import argparse
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, logging

TOLERANCE = 1e-4
TEXT = "Once upon a time, in the year 1847, there was a man who wouldn't sleep:\n\n“Who is there?” he said."
TOKENIZER_FILES = ("tokenizer.json", "vocab.json")


def encode(folder: Path) -> list[int]:
    """The ids of `TEXT` by the folder's tokenizer."""
    ids: list[int] = AutoTokenizer.from_pretrained(folder)(TEXT, add_special_tokens=False)["input_ids"]
    return ids


def all_ids(folder: Path) -> list[int]:
    """The vocabulary in its order, cut to the context: input for a folder without a tokenizer."""
    config = AutoModelForCausalLM.from_pretrained(folder).config
    return list(range(min(config.vocab_size, config.n_positions)))


def logits(folder: Path, ids: list[int]) -> torch.Tensor:
    """Logits [T, V] of every position."""
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    with torch.no_grad():
        result: torch.Tensor = model(torch.tensor([ids])).logits[0]
    return result


def compare(written: Path, original: Path) -> str | None:
    """Prints the difference of the logits; returns what is wrong, or None."""
    has_tokenizer = any((original / name).exists() for name in TOKENIZER_FILES)
    ids = encode(original) if has_tokenizer else all_ids(original)
    if has_tokenizer and encode(written) != ids:
        return "the tokenizers give different ids"
    ours, theirs = logits(written, ids), logits(original, ids)
    if ours.shape != theirs.shape:
        return f"logits have shape {tuple(ours.shape)}, expected {tuple(theirs.shape)}"
    difference = float((ours - theirs).abs().max())
    print(f"max abs difference of logits over {len(ids)} tokens: {difference:.3g}")
    return None if difference <= TOLERANCE else f"above {TOLERANCE:g}"


def main() -> int:
    """Reads the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("written", type=Path, help="folder that Hornbook wrote")
    parser.add_argument("original", type=Path, help="folder that Hornbook read")
    arguments = parser.parse_args()
    logging.disable_progress_bar()
    problem = compare(arguments.written, arguments.original)
    if problem:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
