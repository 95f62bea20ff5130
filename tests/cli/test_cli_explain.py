"""`hornbook explain` shows what `hornbook.explain` found."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest

import hornbook

Cli: TypeAlias = Callable[..., Any]

CAT = "The cat sat on the mat"


@pytest.fixture(scope="module")
def trace() -> hornbook.Explanation:
    return hornbook.explain(CAT)


def part(lines: list[str], number: int) -> list[str]:
    """The lines below one heading."""
    begin = next(i for i, line in enumerate(lines) if line.startswith(f"{number}. "))
    rest = lines[begin + 1 :]
    return rest[: next((i for i, line in enumerate(rest) if not line.startswith(" ")), len(rest))]


def test_tokens_with_ids_and_spans(cli: Cli, trace: hornbook.Explanation) -> None:
    ended = cli("explain", CAT)
    assert ended.code == 0
    assert ended.lines[0] == "1. Tokens: 22 characters, 6 tokens"
    rows = part(ended.lines, 1)
    assert rows[0] == "  0   337  'The'   text[0:3]"
    for row, token in zip(rows, trace.tokens, strict=True):
        assert row.split()[1] == str(token.id)
        assert repr(CAT[token.start : token.end]) in row
        assert row.endswith(f"text[{token.start}:{token.end}]")


def test_stages_with_shapes(cli: Cli, trace: hornbook.Explanation) -> None:
    rows = part(cli("explain", CAT).lines, 2)
    assert [row.split("  ")[1].strip() for row in rows] == [stage.name for stage in trace.stages]
    for row, stage in zip(rows, trace.stages, strict=True):
        assert str(list(stage.shape)) in row
        assert f"{stage.norm:.2f}" in row
        assert row.endswith(stage.made_by)


def test_pooled_vector_and_predictions(cli: Cli, trace: hornbook.Explanation) -> None:
    lines = cli("explain", CAT).lines
    (vector,) = part(lines, 3)
    assert [float(x) for x in vector.split()[:-1]] == pytest.approx(trace.embedding[:6], abs=5e-5)
    rows = part(lines, 4)
    assert len(rows) == 5
    for row, prediction in zip(rows, trace.predictions, strict=True):
        assert row.split()[:2] == [f"{prediction.probability:.2%}", str(prediction.id)]
        assert row.endswith(repr(prediction.text))


def test_json_is_the_whole_explanation(cli: Cli, trace: hornbook.Explanation) -> None:
    ended = cli("explain", "--json", CAT)
    value = ended.json
    assert list(value) == ["text", "tokens", "stages", "predictions", "embedding", "attention"]
    assert value["text"] == CAT
    assert value["tokens"] == [vars(token) for token in trace.tokens]
    assert value["predictions"] == [vars(prediction) for prediction in trace.predictions]
    assert value["stages"] == [{**vars(stage), "shape": list(stage.shape)} for stage in trace.stages]
    np.testing.assert_array_equal(np.float32(value["embedding"]), trace.embedding)
    np.testing.assert_array_equal(np.float32(value["attention"]), trace.attention)
    rows = [line for line in ended.lines if line.startswith(" " * 8 + "[") and line.count(",") >= 5]
    assert len(rows) == trace.attention[..., 0].size  # a row of a map on one line


def test_attention_of_a_head(cli: Cli, trace: hornbook.Explanation) -> None:
    title, header, *rows = cli("explain", "--attention", "2.1", CAT).lines
    assert title.startswith("Attention, layer 2, head 1: ")
    labels = [repr(token.text) for token in trace.tokens]
    assert [f"'{word}" for word in header.split("'")[1::2]] == [label[:-1] for label in labels]
    weights = trace.attention_map(2, 1)
    for number, row in enumerate(rows):
        assert row.startswith("  " + labels[number])
        numbers = row.removeprefix("  " + labels[number]).split()
        assert numbers == [f"{weight:.2f}" for weight in weights[number, : number + 1]]
    assert len({header.rindex("'") + 1, len(rows[-1])}) == 1  # columns end below their heads


@pytest.mark.parametrize("head", ["4.0", "0.4", "9999.9999"])
def test_attention_of_a_head_that_does_not_exist(cli: Cli, head: str) -> None:
    ended = cli("explain", "--attention", head, CAT)
    assert (ended.code, ended.stdout) == (2, b"")
    assert f"layers 0 to 3 with heads 0 to 3 exist, got {head}" in ended.err


@pytest.mark.parametrize("head", ["", "0", "0.", ".0", "a.b", "0,1", "-1.0", "0.1.2", "٣.٣", "1" * 999])
def test_attention_of_what_names_no_head(cli: Cli, head: str) -> None:
    ended = cli("explain", f"--attention={head}", CAT)
    assert (ended.code, ended.stdout) == (2, b"")
    assert ended.err.startswith(
        "error: Invalid value for '--attention': expected LAYER.HEAD such as 0.3, got '"
    )
    assert len(ended.err) < 200


def test_attention_and_json_exclude_each_other(cli: Cli) -> None:
    assert cli("explain", "--attention", "0.0", "--json", CAT).code == 2


def test_empty_and_too_long_texts(cli: Cli) -> None:
    ended = cli("explain", "")
    assert (ended.code, ended.stdout) == (2, b"")
    assert ended.err == "error: explain: the text is empty; there is nothing to follow\n"
    ended = cli("explain", "-", stdin=b" the" * 523)
    assert (ended.code, ended.stdout) == (3, b"")
    assert "523" in ended.err
    assert "512" in ended.err


def test_parts_of_characters_and_line_ends_stay_readable(cli: Cli) -> None:
    lines = cli("explain", "日\n\tx").lines
    assert lines[0] == "1. Tokens: 4 characters, 6 tokens"
    assert part(lines, 1) == [
        "  0  163  part of '日'  text[0:1]",
        "  1  246  part of '日'  text[0:1]",
        "  2   99  part of '日'  text[0:1]",
        "  3  199  '\\n'          text[1:2]",
        "  4  198  '\\t'          text[2:3]",
        "  5   88  'x'           text[3:4]",
    ]
    assert cli("explain", "a").lines[0] == "1. Tokens: 1 character, 1 token"


def test_long_tokens_are_shortened_at_the_head_of_a_column(cli: Cli) -> None:
    text = " disappointment"
    assert cli("explain", "--attention", "0.0", text).lines[1].split() == ["'", "disap…ntment'"]
    assert repr(text) in cli("explain", text).out


def test_a_wide_map_is_cut_into_blocks_on_a_narrow_terminal(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "one two three four five six seven eight nine"
    whole = cli("explain", "--attention", "0.0", text).lines
    monkeypatch.setattr("hornbook.cli.explain.terminal_width", lambda: 50)
    title, *blocks = cli("explain", "--attention", "0.0", text).lines
    assert title == whole[0]
    assert max(map(len, blocks)) <= 50
    numbers = [word for line in blocks for word in line.split() if word.replace(".", "").isdecimal()]
    assert sorted(numbers) == sorted(
        word for line in whole[1:] for word in line.split() if word.replace(".", "").isdecimal()
    )
    assert blocks.count("") >= 1
