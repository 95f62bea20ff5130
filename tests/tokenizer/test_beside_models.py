"""A tokenizer in a model's folder: its end of text ends generation, and saving leaves no other tokenizer."""

import json
import shutil
from pathlib import Path
from typing import Any

import hornbook
from hornbook.tokenizer import Tokenizer


def test_the_end_of_text_that_only_the_tokenizer_names_ends_generation(
    tiny_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_folder, folder)
    options: dict[str, Any] = {"temperature": 0, "max_new_tokens": 7}
    assert hornbook.load(folder).generate("Once upon a time", **options).startswith(", ")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"eos_token_id": None}))
    (folder / "generation_config.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"eos_token": ","}')
    completion = hornbook.load(folder).complete("Once upon a time", **options)
    assert completion.finish_reason == "stop"
    assert completion.text in ("", ",")


def test_saving_removes_the_vocabulary_of_another_tokenizer(tiny_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text('{"old": 0}')
    (tmp_path / "merges.txt").write_text("o l\n")
    hornbook.load(tiny_folder).save(tmp_path)
    assert not (tmp_path / "vocab.json").exists()
    assert not (tmp_path / "merges.txt").exists()
    text = "Once upon a time"
    assert Tokenizer.from_folder(tmp_path).encode(text) == hornbook.load(tiny_folder).tokenizer.encode(text)
