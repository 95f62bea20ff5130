"""Errors name what the user gave, as it was given, and advise what this command has."""

import errno
import io
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import hornbook
from hornbook.cli import vectors
from hornbook.cli.layout import shown
from hornbook.cli.main import cli as commands

Cli: TypeAlias = Callable[..., Any]

TOO_LONG = " the" * 523


@pytest.mark.parametrize(
    ("words", "code", "advice"),
    [
        (("similarity", "--sentence1", TOO_LONG, "--sentence2", "x"), 3, "cut it with --truncate"),
        (("embed", TOO_LONG), 3, "cut it with --truncate"),
        (("explain", TOO_LONG), 3, "shorten it"),
        (("generate", TOO_LONG), 3, "523 tokens"),
        (("tokens", "encode", "--special", "refuse", "a<|endoftext|>"), 3, "`parse` takes it for the token"),
        (("tokens", "count", "--special", "refuse", "<|endoftext|>"), 3, "`text` for ordinary text"),
        (("tokens", "compare", "--special", "refuse", "tiny-lm", "tiny-lm", "<|endoftext|>"), 3, "`parse`"),
        (("generate", "Once", "upon", "a time"), 2, "put a text of several words in quotes"),
        (("tokens", "decode", "-1"), 2, "a text or number that begins with a dash comes after `--`"),
        (("similarity", "-1", "-2"), 2, "comes after `--`"),
        (("tokens", "encode", "- a list"), 2, "comes after `--`"),
        (("generate", "--offline", "-m", "openai-community/gpt2", "x"), 4, "leave out --offline"),
        (("generate", "--offline", "-m", "tinylm", "x"), 4, "built-in model, tiny-lm, has the name"),
        (("models", "info", "--offline", "tinylm"), 4, "built-in model, tiny-lm, has the name"),
        (("explain", "-m", "a/b/c", "x"), 2, "no folder and no built-in model, tiny-lm, has the name a/b/c"),
        (("generate", "--revision", "main", "x"), 2, "--revision: only repositories"),
        (("generate", "--repetition-penalty", "-1", "x"), 2, "penalty': -1.0 is not in the range x>0"),
        (("generate", "--repetition-penalty", "0", "x"), 2, "penalty': 0.0 is not in the range x>0"),
        (("generate", "--temperature", "inf", "x"), 2, "'--temperature': 'inf' is not a finite number"),
        (("generate", "-n", "-5", "x"), 2, "'-n' / '--max-new-tokens': -5 is not in the range x>=0"),
        (("bench", "--seconds", "nan"), 2, "'--seconds': 'nan' is not a finite number"),
        (("embed", "x", "--input-format", "csv"), 2, "--input-format: belongs to --input FILE"),
    ],
)  # fmt: skip
def test_advice(cli: Cli, words: tuple[str, ...], code: int, advice: str) -> None:
    ended = cli(*words)
    assert (ended.code, ended.stdout) == (code, b"")
    line = ended.err.splitlines()[-1]
    assert advice in line
    assert not re.search(r"\w=|allowed_special|HF_HUB_OFFLINE|on_overflow", line), "words of the library"
    command = commands
    for word in words[:2]:
        command = getattr(command, "commands", {}).get(word, command)
    options = {name for parameter in command.params for name in parameter.opts}
    assert set(re.findall(r"--[a-z]\S*[a-z]", line)) - {"--help"} <= options


def test_a_folder_that_hides_a_built_in_model(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny-lm").mkdir()
    monkeypatch.chdir(tmp_path)
    ended = cli("generate", "x")
    assert ended.code == 3
    assert "the folder tiny-lm in this directory comes before the built-in model of that name" in ended.err


@pytest.mark.parametrize(
    "name", ["no  such  file.txt", "new\nline.txt", "tab\t.txt", "\x1b[31mred.txt", "日 é.txt"]
)
@pytest.mark.parametrize(
    "words", [("embed", "-i"), ("tokens", "count", "-i"), ("tokens", "create")], ids=" ".join
)
def test_names_are_shown_as_they_are(cli: Cli, words: tuple[str, ...], name: str) -> None:
    ended = cli(*words, name)
    assert ended.code == 3
    assert f"{shown(name)}: no such file" in ended.err
    assert len(ended.err.splitlines()) == 1
    assert ended.err.rstrip("\n").isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a  b", "a  b"),
        ("a\nb\r\n", "a\\nb\\r\\n"),
        ("\x1b[0m\x00", "\\x1b[0m\\x00"),
        ("é日😀", "é日😀"),
        ("\udcff\u200b\U000e0001", "\\udcff\\u200b\\U000e0001"),
    ],
)
def test_shown(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_a_model_with_control_characters_in_its_name(
    cli: Cli, lm: hornbook.LanguageModel, tmp_path: Path
) -> None:
    folder = tmp_path / "a  \x1b[31m"
    lm.save(folder)
    ended = cli("generate", "-n", "1", "-m", folder, "x")
    assert ended.code == 0
    assert "a  \\x1b[31m: 5,387,776 parameters" in ended.err
    assert "\x1b" not in cli("models", "info", folder).lines[0]


@pytest.mark.parametrize(
    "words",
    [("embed", "-i"), ("tokens", "count", "-i"), ("tokens", "create"), ("tokens", "encode", "x", "-t")],
    ids=" ".join,
)
def test_a_file_that_may_not_be_read(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    opened = Path.open

    def refuse(self: Path, *arguments: Any, **options: Any) -> Any:
        if self == path:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return opened(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # what click would ask
    ended = cli(*words, path)
    assert (ended.code, ended.err) == (5, f"error: Permission denied: {path}\n")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("temperature", "hot"),
        ("temperature", -1),
        ("max_new_tokens", -5),
        ("eos_token_id", "a"),
        ("repetition_penalty", 0),
        ("do_sample", "maybe"),
    ],
)
def test_a_damaged_generation_config_is_bad_input(
    cli: Cli, lm: hornbook.LanguageModel, tmp_path: Path, key: str, value: Any
) -> None:
    lm.save(tmp_path)
    (tmp_path / "generation_config.json").write_text(json.dumps({key: value}))
    ended = cli("generate", "-m", tmp_path, "x")
    assert (ended.code, ended.stdout) == (3, b"")
    assert ended.err.startswith(f"error: {tmp_path / 'generation_config.json'}: {key}: ")


class Full(io.RawIOBase):
    """A device without room."""

    def writable(self) -> bool:
        return True

    def write(self, _: Any, /) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_names_the_output(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: Full().write(b""))
    for words in (("embed", "-q", "x"), ("tokens", "create", "-q", "-v", "261", str(tmp_path / "a.txt"))):
        (tmp_path / "a.txt").write_text("the cat")
        ended = cli(*words, "-o", tmp_path / "out.json")
        assert (ended.code, ended.err) == (5, f"error: No space left on device: {tmp_path / 'out.json'}\n")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt"]


def test_a_full_temporary_folder_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "SPOOL_BYTES", 1)
    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", lambda _: io.BufferedWriter(Full(), 1))
    ended = cli("embed", "-q", "-f", "npy", "x")
    assert ended.code == 5
    assert "No space left on device: temporary file in " in ended.err


def test_a_notice_that_cannot_be_written_costs_nothing(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BufferedWriter(Full(), 1), write_through=True))
    ended = cli("tokens", "create", "-v", "270", "-o", "-", "-", stdin=b"the cat the cat")
    assert ended.code == 0
    assert ended.json["model"]["type"] == "BPE"
    assert cli("generate", "-n", "2", "--seed", "3", "x").code == 0
    assert cli("generate", "--zzz").code == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("generate", "-q", "x"), "generating with tiny-lm"),
        (("embed", "-q", "x"), "embedding a batch of texts"),
        (("tokens", "encode", "x"), "encoding the text"),
        (("tokens", "count", "x"), "counting tokens"),
    ],
)
def test_a_lack_of_memory_says_for_what(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    def lack(*_: Any, **__: Any) -> None:
        raise MemoryError("Unable to allocate 9 GiB")

    monkeypatch.setattr(hornbook.Tokenizer, "encode", lack)
    monkeypatch.setattr(hornbook.Tokenizer, "encode_batch", lack)
    ended = cli(*words)
    assert ended.code == 5
    assert ended.err.endswith(f"error: out of memory: {told}: Unable to allocate 9 GiB\n")
