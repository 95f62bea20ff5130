"""Tables line up whatever characters are in them, and JSON stays JSON."""

import json
from typing import Any

import pytest

from hornbook.cli.layout import display_width, format_json, print_table, shorten


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("abc", 3),
        ("日本", 4),
        ("é", 1),
        ("e\u0301", 1),
        ("\uff46\uff55", 4),
        ("🚀", 2),
        ("…", 1),
        ("ไม้", 2),
    ],
)
def test_display_width(text: str, width: int) -> None:
    assert display_width(text) == width


def test_columns_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([("日", "5", "x"), ("abcd", "123", "")], right={1})
    assert capsys.readouterr().out == "  日      5  x\n  abcd  123\n"


def test_last_column_is_wrapped_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ("name", "first words then [1, 2, 3] and more of them")
    print_table([row], wrap=True)
    assert capsys.readouterr().out == "  name  " + row[1] + "\n"
    monkeypatch.setattr("hornbook.cli.layout.terminal_width", lambda: 31)
    print_table([row], wrap=True)
    assert capsys.readouterr().out == (
        "  name  first words then\n        [1, 2, 3] and more of\n        them\n"
    )


def test_a_narrow_terminal_has_the_last_column_below(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hornbook.cli.layout.terminal_width", lambda: 29)
    print_table([("name", "length 5.00", "words that are many, and more"), ("b", "5.00", "few")], wrap=True)
    assert capsys.readouterr().out == (
        "  name  length 5.00\n    words that are many, and\n    more\n  b     5.00         few\n"
    )


def test_halves_of_surrogate_pairs_are_escaped_in_json() -> None:
    text = format_json({"file": "a\udcff日"})
    assert text.encode() == '{\n  "file": "a\\udcff日"\n}'.encode()
    assert json.loads(text) == {"file": "a\udcff日"}


def test_shorten() -> None:
    assert shorten("abcdefg", 7) == "abcdefg"
    assert shorten("abcdefgh", 7) == "abc…fgh"


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"a": []},
        {"a": {}, "b": [1, 2.5, None, True]},
        [[1], [2, [3]]],
        [{"a": 1}, {"b": [{}]}],
        "日\n",
        7,
    ],
)
def test_format_json_reads_back(value: Any) -> None:
    assert json.loads(format_json(value)) == value


def test_format_json_keeps_rows_on_a_line() -> None:
    assert format_json({"a": [1, 2], "b": [[1, 2], [3, 4]], "c": [{"x": 1}]}).splitlines() == [
        "{",
        '  "a": [1, 2],',
        '  "b": [',
        "    [1, 2],",
        "    [3, 4]",
        "  ],",
        '  "c": [',
        '    {"x": 1}',
        "  ]",
        "}",
    ]
