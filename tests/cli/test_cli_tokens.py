"""`hornbook tokens`: there and back, and what cannot be a token."""

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

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


def test_missing_arguments(cli: Cli) -> None:
    assert cli("tokens", "encode").err == (
        "error: Missing argument 'TEXT'; see `hornbook tokens encode --help`\n"
    )
    assert cli("tokens", "decode").code == 2
    assert cli("tokens", "encode", "two", "texts").code == 2


def test_needs_no_weights(cli: Cli, lm: hornbook.LanguageModel, tmp_path: Any) -> None:
    lm.save(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    assert cli("tokens", "count", "-m", tmp_path, "The cat").out == "2\n"
