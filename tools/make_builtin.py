"""Makes src/hornbook/builtin/tiny-lm/, the model that ships inside the package, from a float32 GPT-2.

    python tools/make_builtin.py SOURCE_FOLDER

Keeps the tokenizer files as they are, the keys of config.json that GPT-2 needs, and the weights in bfloat16:
half the size, the range of float32, and 8 bits of precision.
"""

import argparse
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hornbook.hub import open_tensors, save_tensors

TARGET = Path(__file__).resolve().parent.parent / "src" / "hornbook" / "builtin" / "tiny-lm"

CONFIG_KEYS = (
    "activation_function",
    "architectures",
    "attn_pdrop",
    "bos_token_id",
    "embd_pdrop",
    "eos_token_id",
    "layer_norm_epsilon",
    "model_type",
    "n_embd",
    "n_head",
    "n_inner",
    "n_layer",
    "n_positions",
    "resid_pdrop",
    "scale_attn_by_inverse_layer_idx",
    "scale_attn_weights",
    "tie_word_embeddings",
    "vocab_size",
)
GENERATION_KEYS = ("bos_token_id", "eos_token_id")
TOKENIZER_FILES = ("vocab.json", "merges.txt")
WEIGHTS = "model.safetensors"


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes indented JSON with sorted keys and a final line end."""
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def make(source: Path, target: Path) -> None:
    """Writes `target` from `source`; files of the same name are replaced."""
    target.mkdir(parents=True, exist_ok=True)
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    write_json(target / "config.json", {key: config[key] for key in CONFIG_KEYS} | {"dtype": "bfloat16"})
    write_json(target / "generation_config.json", {key: config[key] for key in GENERATION_KEYS})
    for name in TOKENIZER_FILES:
        shutil.copyfile(source / name, target / name)
    save_tensors(target / WEIGHTS, open_tensors(source / WEIGHTS), dtype="bfloat16")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "source", type=Path, help="folder with config.json, model.safetensors, vocab.json, merges.txt"
    )
    make(parser.parse_args().source, TARGET)


if __name__ == "__main__":
    main()
