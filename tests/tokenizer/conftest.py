"""The built-in model's vocabulary, in our hands and in those of the tokenizers package."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tokenizers

import hornbook
from hornbook.tokenizer import BPETokenizer

TINY_LM = Path(hornbook.__file__).parent / "builtin" / "tiny-lm"
Edit = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="session")
def tiny_folder() -> Path:
    return TINY_LM


@pytest.fixture(scope="session")
def tiny() -> BPETokenizer:
    return BPETokenizer.from_files(TINY_LM / "vocab.json", TINY_LM / "merges.txt")


@pytest.fixture(scope="session")
def tiny_oracle() -> tokenizers.Tokenizer:
    """The same vocabulary in the tokenizers package; special tokens in text are ordinary text."""
    model = tokenizers.models.BPE.from_file(str(TINY_LM / "vocab.json"), str(TINY_LM / "merges.txt"))
    oracle = tokenizers.Tokenizer(model)
    oracle.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    oracle.decoder = tokenizers.decoders.ByteLevel()
    oracle.add_special_tokens(["<|endoftext|>"])
    oracle.encode_special_tokens = True
    return oracle


@pytest.fixture
def tokenizer_json(tiny_oracle: tokenizers.Tokenizer, tmp_path: Path) -> Callable[[Edit], Path]:
    """Writes the tokenizer.json of tiny-lm, as the tokenizers package spells it, after an edit."""

    def write(edit: Edit) -> Path:
        content = json.loads(tiny_oracle.to_str())
        edit(content)
        path = tmp_path / "tokenizer.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return write
