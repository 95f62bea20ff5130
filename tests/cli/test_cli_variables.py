"""Options set by environment variables, and the settings that are no options."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import click
import pytest

import hornbook
from hornbook.cli.main import cli as commands

Cli: TypeAlias = Callable[..., Any]


def all_options(
    command: click.Command = commands, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Option]]:
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from all_options(child, (*words, name))
        return
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield words, parameter


def variable(words: tuple[str, ...], option: click.Option) -> str:
    """By the rule of the README, from the option's longest name."""
    name = max(option.opts, key=len).removeprefix("--")
    return "_".join(["HORNBOOK", *words, name]).replace("-", "_").upper()


def test_variables_are_named_as_the_options_and_listed_by_help(cli: Cli) -> None:
    for words, option in all_options():
        assert option.envvar == variable(words, option)
        listed = cli(*words, "--help").out.split("Environment:")[1].replace("\n", " ")
        assert f" {option.envvar}" in listed


@pytest.mark.parametrize(
    ("words", "name", "value", "option"),
    [
        (["embed", "x"], "EMBED_FORMAT", "raw", ["--format", "raw"]),
        (["embed", "x"], "EMBED_INPUT", "a b.txt\nc.csv", ["-i", "a b.txt", "-i", "c.csv"]),
        (["embed", "-i", "c.csv"], "EMBED_INPUT_FORMAT", "lines", ["--input-format", "lines"]),
        (["embed"], "EMBED_SENTENCE", "two words\nmore", ["--sentence", "two words", "--sentence", "more"]),
        (["similarity", "x", "y"], "SIMILARITY_JSON", "1", ["--json"]),
        (["tokens", "encode", "x"], "TOKENS_ENCODE_JSON", "1", ["--json"]),
        (["tokens", "count", "x"], "TOKENS_COUNT_INPUT", "a b.txt", ["--input", "a b.txt"]),
        (["generate", "-n", "2", "-s", "3", "x"], "GENERATE_ECHO", "0", ["--no-echo"]),
        (["generate", "-n", "2", "x"], "GENERATE_SEED", "3", ["--seed", "3"]),
    ],
)
def test_a_variable_does_what_its_option_does(
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    name: str,
    value: str,
    option: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.txt").write_text("a\nb\n")
    (tmp_path / "c.csv").write_text("text\nc\n")
    expected = cli(*words, *option)
    assert expected.code == 0
    monkeypatch.setenv(f"HORNBOOK_{name}", value)
    assert cli(*words).stdout == expected.stdout


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("GENERATE_TEMPERATURE", "foo", ("generate", "x")),
        ("GENERATE_TEMPERATURE", "inf", ("generate", "x")),
        ("GENERATE_TOP_K", "-1", ("generate", "x")),
        ("EMBED_FORMAT", "xml", ("embed", "x")),
        ("EXPLAIN_ATTENTION", "3", ("explain", "x")),
        ("BENCH_SECONDS", "nan", ("bench",)),
        ("TOKENS_CREATE_VOCAB_SIZE", "7", ("tokens", "create")),
        ("DOCTOR_JSON", "maybe", ("doctor",)),
    ],
)
def test_a_wrong_value_is_told_of_the_variable(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv(f"HORNBOOK_{name}", value)
    ended = cli(*words)
    assert (ended.code, ended.stdout) == (2, b"")
    assert ended.err.startswith(f"error: Invalid value for HORNBOOK_{name}: ")
    assert "'--" not in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("generate", "x"),
        ("embed", "x"),
        ("similarity", "x", "y"),
        ("explain", "x"),
        ("bench",),
        ("doctor",),
        ("tokens", "encode", "x"),
        ("tokens", "count"),
    ],
    ids=" ".join,
)
def test_a_wrong_setting_is_not_told_of_a_model(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("HORNBOOK_NUM_THREADS", "0")
    ended = cli(*words)
    assert (ended.code, ended.stdout) == (2, b"")
    assert ended.err == "error: HORNBOOK_NUM_THREADS: expected a positive integer, got '0'\n"


@pytest.mark.parametrize("name", ["HORNBOOK_BACKEND", "HORNBOOK_ISA"])
@pytest.mark.parametrize("words", [("generate", "x"), ("embed", "x"), ("explain", "x"), ("doctor",)])
def test_a_wrong_backend_is_told_as_a_setting(process: Cli, name: str, words: tuple[str, ...]) -> None:
    if name == "HORNBOOK_ISA" and hornbook.backend.kernel_problem() is not None:
        return
    ended = process(*words, **{name: "torch"})
    assert (ended.code, ended.stdout) == (2, b"")
    assert ended.err.startswith(f"error: {name}: expected one of ")


@pytest.mark.parametrize("value", [-1.0, -0.0, 0.0, 1e-300, 0.5, 1.0, 1.5, 1e300, float("inf"), float("nan")])
@pytest.mark.parametrize("name", ["temperature", "top_p", "min_p", "repetition_penalty"])
def test_ranges_are_those_of_the_library(cli: Cli, name: str, value: float) -> None:
    try:
        hornbook.GenerationConfig().override(**{name: value})
        expected = 0
    except hornbook.HornbookError:
        expected = 2
    ended = cli("generate", "-q", "-n", "0", f"--{name.replace('_', '-')}", repr(value), "x")
    assert ended.code == expected
    assert ended.err.startswith("error: Invalid value for" if expected else "")
