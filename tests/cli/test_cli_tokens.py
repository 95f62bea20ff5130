"""`hornbook tokens`: text to ids and back, and what cannot be a token."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import tokenizers

import hornbook

Cli: TypeAlias = Callable[..., Any]

TEXTS = [
    "The cat sat.",
    "",
    " \n\t two  lines\n",
    "日本語 👩‍🚀 é",
    "\x1b[31mred\x1b[0m",
    "a\r\nb",
    "x" * 1009,
]


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """A tokenizer.json with two merges, as tokenizers writes it."""
    oracle = tokenizers.Tokenizer(tokenizers.models.BPE())
    oracle.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    oracle.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=263,
        special_tokens=["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    oracle.train_from_iterator(["the the"], trainer)
    oracle.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


@pytest.mark.parametrize("text", TEXTS)
def test_encode_and_decode_are_inverse(cli: Cli, lm: hornbook.LanguageModel, text: str) -> None:
    encoded = cli("tokens", "encode", "-", stdin=text.encode() + b"\n")
    assert encoded.out == " ".join(map(str, lm.tokenizer.encode(text))) + "\n"
    decoded = cli("tokens", "decode", "-", stdin=encoded.stdout)
    assert decoded.stdout == text.encode() + b"\n"


@pytest.mark.parametrize("text", TEXTS)
def test_count(cli: Cli, text: str) -> None:
    ids = cli("tokens", "encode", "--", text).out.split()
    assert cli("tokens", "count", "--", text).out == f"{len(ids)}\n"
    assert cli("tokens", "count", "-", stdin=text.encode() + b"\n").out == f"{len(ids)}\n"


def test_json_has_a_line_for_each_token(cli: Cli, lm: hornbook.LanguageModel) -> None:
    ended = cli("tokens", "encode", "--json", "é cat")
    assert [(t["id"], t["start"], t["end"]) for t in ended.json] == lm.tokenizer.encode_with_spans("é cat")
    assert [token["text"] for token in ended.json] == ["\ufffd", "\ufffd", " cat"]
    assert len(ended.lines) == len(ended.json) + 2
    assert cli("tokens", "encode", "--json", "").json == []


def test_special(cli: Cli) -> None:
    text = "a<|endoftext|>"
    assert cli("tokens", "count", text).out == cli("tokens", "count", "--special", "text", text).out
    assert cli("tokens", "encode", "--special", "parse", text).out == "65 0\n"
    assert cli("tokens", "decode", "65", "0").out == text + "\n"
    ended = cli("tokens", "encode", "--special", "refuse", text)
    assert (ended.code, ended.stdout) == (3, b"")
    assert "'<|endoftext|>'" in ended.err
    assert cli("tokens", "encode", "--special", "other", text).code == 2


@pytest.mark.parametrize(
    "arguments", [("337", "1205"), ("337,1205",), ("[337,", "1205]"), ("[[337, 1205]]",), ("337\n1205",)]
)
def test_ids_as_they_are_written_elsewhere(cli: Cli, arguments: tuple[str, ...]) -> None:
    assert cli("tokens", "decode", *arguments).out == "The cat\n"


@pytest.mark.parametrize("number", ["8192", "99999999", "9" * 18])
def test_an_id_out_of_range(cli: Cli, number: str) -> None:
    ended = cli("tokens", "decode", "337", number)
    assert (ended.code, ended.stdout) == (3, b"")
    assert number in ended.err
    assert "8191" in ended.err


@pytest.mark.parametrize("word", ["x", "1.5", "-1", "1e3", "٣", "9" * 19, "9" * 5000, "1_0"])
def test_what_is_not_an_id(cli: Cli, word: str) -> None:
    ended = cli("tokens", "decode", "--", word)
    assert (ended.code, ended.stdout) == (2, b"")
    assert ended.err.startswith("error: IDS: expected integers")
    assert len(ended.err) < 200


def test_json_of_other_commands_can_be_decoded(cli: Cli) -> None:
    text = "The cat\n日本 é"
    for words in (("tokens", "encode", "--json", text), ("generate", "--json", "-n", "0", text)):
        printed = cli(*words)
        decoded = cli("tokens", "decode", "-", stdin=printed.stdout)
        assert (decoded.code, decoded.out) == (0, (text if words[0] == "tokens" else "") + "\n")
    generated = cli("generate", "--json", "-n", "5", "--seed", "3", text)
    assert cli("tokens", "decode", stdin=generated.stdout).out == generated.json["text"] + "\n"


@pytest.mark.parametrize(
    ("stdin", "code"),
    [
        (b'{"text": "x"}', 3),
        (b'[{"id": "1"}]', 3),
        (b'[{"id": true}]', 3),
        (b'[{"token": 1}]', 3),
        (b'[{"id": 1}', 3),
        (b'{"ids": 1}', 3),
        (b"{" * 100_000, 3),
        (b'[{"id": -1}]', 2),
        (b'[{"id": 8192}]', 3),
        (b'[{"id": ' + b"9" * 5000 + b"}]", 2),
    ],
)
def test_json_without_ids(cli: Cli, stdin: bytes, code: int) -> None:
    ended = cli("tokens", "decode", "-", stdin=stdin)
    assert (ended.code, ended.stdout) == (code, b"")
    assert len(ended.err) < 200


def test_special_tokens_can_be_left_out(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("the cat the cat")
    path = tmp_path / "t.json"
    assert cli("tokens", "create", "-v", "264", "-o", path, tmp_path / "a.txt").code == 0
    oracle = tokenizers.Tokenizer.from_file(str(path))
    whole, bare = oracle.encode("the cat").ids, oracle.encode("the cat", add_special_tokens=False).ids
    assert whole == [1, *bare, 2]
    for words, ids in (((), whole), (("--no-add-special",), bare)):
        assert cli("tokens", "encode", "-t", path, *words, "the cat").out.split() == [str(i) for i in ids]
        assert [t["id"] for t in cli("tokens", "encode", "--json", "-t", path, *words, "the cat").json] == ids
        assert cli("tokens", "count", "-t", path, *words, "the cat").out == f"{len(ids)}\n"
    decode = ("tokens", "decode", "-t", path)
    assert cli(*decode, *map(str, whole)).out == oracle.decode(whole, skip_special_tokens=False) + "\n"
    assert cli(*decode, "--skip-special", *map(str, whole)).out == "the cat\n"


def test_equal_tokenizers_are_said_to_be_equal(cli: Cli, draft: Path) -> None:
    last = cli("tokens", "compare", "tiny-lm", "tiny-lm", "the cat").lines[-1]
    assert last == "They make the same tokens of this text, with the same ids."
    last = cli("tokens", "compare", "tiny-lm", draft, "!").lines[-1]
    assert last == "They make the same tokens of this text, with different ids."


def test_many_ids_are_on_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["hornbook.cli.tokens.encode"], "IDS_AT_ONCE", 2)
    assert cli("tokens", "encode", "The cat sat on the").out == "337 1205 862 318 263\n"


def test_without_a_tokenizer_here_it_is_the_default_model(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli("tokens", "count").lines[0] == "Total tokens:    8,192"


def test_missing_arguments(cli: Cli) -> None:
    assert cli("tokens", "encode").err == (
        "error: give TEXT, or pipe it in; see `hornbook tokens encode --help`\n"
    )
    assert cli("tokens", "decode").code == 2
    assert cli("tokens", "encode", "two", "texts").code == 2


def test_several_texts_and_files(cli: Cli, tmp_path: Path, lm: hornbook.LanguageModel) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"The cat\r\n\r\nsat.")
    size = len(lm.tokenizer.encode("The cat\r\n\r\nsat."))
    assert cli("tokens", "count", "-i", file).out == f"{size}\n"
    shown = cli("tokens", "count", "The cat", "-i", file, "-", stdin=b"mat\n").lines
    assert [line.split() for line in shown] == [
        ["2", "text"], ["1", "text"], [str(size), str(file)], [str(size + 3), "total"]
    ]  # fmt: skip
    assert cli("tokens", "count", "--json", "The cat", "-i", file).json == [
        {"file": None, "characters": 7, "tokens": 2},
        {"file": str(file), "characters": 15, "tokens": size},
    ]


@pytest.mark.parametrize("name", ["missing.txt", ".", "latin1.txt"])
def test_a_file_that_cannot_be_counted(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latin1.txt").write_bytes(b"caf\xe9")
    ended = cli("tokens", "count", "-i", name)
    assert (ended.code, ended.stdout) == (3, b"")
    assert name in ended.err


def test_what_a_tokenizer_knows(cli: Cli, draft: Path) -> None:
    assert cli("tokens", "count", "-t", draft).lines == [
        "Total tokens:    263",
        "Base tokens:     258",
        "Special tokens:    5",
        "First 10 tokens:",
        "  0  '[UNK]'",
        "  1  '[CLS]'",
        "  2  '[SEP]'",
        "  3  '[PAD]'",
        "  4  '[MASK]'",
        "  5  '!'",
        "  6  '\"'",
        "  7  '#'",
        "  8  '$'",
        "  9  '%'",
    ]
    known = cli("tokens", "count", "--json", "-t", draft).json
    assert [known[key] for key in ("total", "base", "special")] == [263, 258, 5]
    assert known["special_tokens"]["[MASK]"] == 4
    assert known["first_tokens"][5] == {"id": 5, "text": "!"}
    assert cli("tokens", "count", "-m", "tiny-lm").lines[0] == "Total tokens:    8,192"


def test_the_tokenizer_of_this_folder(cli: Cli, draft: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(draft.parent)
    assert cli("tokens", "count").lines[0] == "Total tokens:    263"


@pytest.mark.parametrize("command", [("count",), ("count", "text"), ("encode", "text"), ("decode", "1")])
def test_a_missing_tokenizer(cli: Cli, tmp_path: Path, command: tuple[str, ...]) -> None:
    ended = cli("tokens", *command, "--tokenizer-path", tmp_path / "tokenizer.json")
    assert (ended.code, ended.stdout) == (3, b"")
    assert "tokenizer.json: no such file; `hornbook tokens create` writes a tokenizer.json" in ended.err
    assert cli("tokens", *command, "-t", tmp_path).code == 3


def test_a_tokenizer_from_a_file(cli: Cli, draft: Path) -> None:
    oracle = tokenizers.Tokenizer.from_file(str(draft))
    text = "the cat, the dog 日"
    ids = cli("tokens", "encode", "-t", draft, text)
    assert ids.out.split() == [str(i) for i in oracle.encode(text).ids]
    assert cli("tokens", "decode", "-t", draft, "-", stdin=ids.stdout).out == text + "\n"
    assert cli("tokens", "count", "-t", draft, text).out == f"{len(ids.out.split())}\n"


def test_compare(cli: Cli, draft: Path) -> None:
    *numbers, first, line, second, other, title, row = cli(
        "tokens", "compare", "tiny-lm", draft, "the cat日\x1b"
    ).lines
    assert [line.split() for line in numbers[1:]] == [
        ["vocabulary", "8,192", "263"],
        ["tokens", "6", "9"],
        ["characters", "per", "token", "1.50", "1.00"],
    ]
    assert (first, second, title) == ("tiny-lm", str(draft), "Where they differ")
    assert line == r"the| cat|\xe6|\x97|\xa5|\x1b"
    assert other == r"the| |c|a|t|\xe6|\x97|\xa5|\x1b"
    assert row.startswith("  text[3:7]  ' cat' 1205  ' ' ")


def test_compare_for_programs(cli: Cli, draft: Path, lm: hornbook.LanguageModel) -> None:
    found = cli("tokens", "compare", "--json", "tiny-lm", draft, "-", stdin="the é".encode()).json
    assert found["characters"] == 5
    ours, theirs = found["tokenizers"]
    assert (ours["name"], theirs["name"], theirs["vocab_size"]) == ("tiny-lm", str(draft), 263)
    assert [(t["id"], t["start"], t["end"]) for t in ours["tokens"]] == lm.tokenizer.encode_with_spans(
        "the é"
    )
    assert ours["characters_per_token"] == 5 / ours["count"]
    assert cli("tokens", "compare", "--json", "tiny-lm", draft, "").json["tokenizers"][0]["count"] == 0
    assert cli("tokens", "compare", "tiny-lm", draft, "").code == 0


def test_compare_with_what_is_not_there(cli: Cli, tmp_path: Path) -> None:
    ended = cli("tokens", "compare", "tiny-lm", tmp_path / "missing.json", "text")
    assert (ended.code, ended.stdout) == (3, b"")
    assert "missing.json: no such file" in ended.err


def on_a_terminal(*arguments: str, **variables: str) -> str:
    """What a terminal of 60 columns gets from a command."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hornbook", *arguments]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "60"} | variables
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # the end of a terminal
            while part := os.read(ours, 4096):
                shown += part
        os.close(ours)
        assert process.wait(timeout=60) == 0
    return shown.decode().replace("\r\n", "\n")


def without_colors(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_encode_on_a_terminal(lm: hornbook.LanguageModel, variables: dict[str, str]) -> None:
    text = "The [b]cat[/b] :smile: 日\x1b\n"
    shown = on_a_terminal("tokens", "encode", text, **variables)
    plain = without_colors(shown)
    has_colors = plain != shown
    assert has_colors == (not variables)
    assert "\x1b" not in plain
    line, *rows, summary = plain.splitlines()
    assert line.replace("|", "") == r"The [b]cat[/b] :smile: \xe6\x97\xa5\x1b\n"
    assert ("|" in line) == (not has_colors)
    spans = lm.tokenizer.encode_with_spans(text)
    assert [row.split()[:2] for row in rows] == [[str(n), str(s[0])] for n, s in enumerate(spans)]
    assert [row.split()[-1] for row in rows] == [f"text[{start}:{end}]" for _, start, end in spans]
    assert (
        summary
        == f"{len(spans)} tokens, {len(text)} characters, {len(text) / len(spans):.2f} characters per token"
    )


def test_what_a_terminal_gets_otherwise() -> None:
    assert on_a_terminal("tokens", "encode", "--ids", "The cat") == "337 1205\n"
    assert "\x1b" not in on_a_terminal("tokens", "encode", "--no-color", "The cat")
    assert on_a_terminal("tokens", "encode", "").splitlines()[-1].startswith("0 tokens, 0 characters")
    assert "\x1b[" in on_a_terminal("tokens", "compare", "tiny-lm", "tiny-lm", "The cat")


def test_either_ids_or_json(cli: Cli) -> None:
    assert cli("tokens", "encode", "--ids", "The cat").out == "337 1205\n"
    assert cli("tokens", "encode", "--ids", "--json", "The cat").code == 2


def test_needs_no_weights(cli: Cli, lm: hornbook.LanguageModel, tmp_path: Any) -> None:
    lm.save(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    assert cli("tokens", "count", "-m", tmp_path, "The cat").out == "2\n"
