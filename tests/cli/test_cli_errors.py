"""The contract of the command line: exit codes, one line for an error, help for everything."""

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import click
import pytest

import hornbook
from hornbook import errors
from hornbook.cli.main import cli as commands

Cli: TypeAlias = Callable[..., Any]


def all_commands(
    command: click.Command = commands, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from all_commands(child, (*words, name))


COMMANDS = list(all_commands())
LEAVES = [(words, command) for words, command in COMMANDS if not isinstance(command, click.Group)]

EXPECTED = {
    errors.ConfigError: 2,
    errors.ShapeError: 3,
    errors.ModelFormatError: 3,
    errors.ModelConfigError: 3,
    errors.TokenizerError: 3,
    errors.ContextLengthError: 3,
    errors.CheckpointError: 3,
    errors.DataError: 3,
    errors.DownloadError: 4,
    errors.IntegrityError: 4,
    errors.NotCachedError: 4,
    errors.LockedError: 5,
    errors.HornbookError: 2,
    PermissionError: 5,
    OSError: 5,
    MemoryError: 5,
    KeyError: 1,
    RecursionError: 1,
    AssertionError: 1,
    KeyboardInterrupt: 130,
    BrokenPipeError: 141,
}


@pytest.fixture
def fail(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a command that fails with a given error."""

    def run(error: BaseException, *arguments: str) -> Any:
        def load(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(hornbook, "load", load)
        return cli("generate", *arguments, "x")

    return run


def test_every_error_has_its_exit_code(fail: Callable[..., Any]) -> None:
    assert {kind: fail(kind("what happened")).code for kind in EXPECTED} == EXPECTED
    assert EXPECTED.keys() >= {getattr(errors, name) for name in errors.__all__}


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (errors.DataError("a.csv: line 3\nis wrong"), "a.csv: line 3\\nis wrong"),
        (PermissionError(13, "Permission denied", "/x/y"), "Permission denied: /x/y"),
        (OSError(28, "No space left on device"), "No space left on device: loading tiny-lm"),
        (MemoryError(), "out of memory: loading tiny-lm"),
        (MemoryError("Unable to allocate 9 GiB"), "out of memory: loading tiny-lm: Unable to allocate 9 GiB"),
        (KeyError("n"), "this is a bug in hornbook: KeyError: 'n'; --debug shows where"),
        (
            AssertionError(),
            "this is a bug in hornbook: AssertionError: AssertionError; --debug shows where",
        ),
    ],
)
def test_an_error_is_one_line(fail: Callable[..., Any], error: Exception, line: str) -> None:
    ended = fail(error)
    assert (ended.stdout, ended.err) == (b"", f"error: {line}\n")


def test_debug_shows_where(fail: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    ended = fail(errors.DataError("wrong"), "--debug")
    assert ended.code == 3
    assert ended.err.startswith("Traceback (most recent call last):\n")
    assert "test_cli_errors.py" in ended.err
    assert ended.err.endswith("\nerror: wrong\n")
    assert "Traceback" not in fail(errors.DataError("wrong"), "--", "--debug").err
    monkeypatch.setenv("HORNBOOK_GENERATE_DEBUG", "1")
    assert "Traceback" in fail(errors.DataError("wrong")).err


def test_interrupt_and_broken_pipe_are_quiet(fail: Callable[..., Any]) -> None:
    for error in (KeyboardInterrupt(), BrokenPipeError(32, "Broken pipe")):
        ended = fail(error)
        assert (ended.stdout, ended.err) == (b"", "")


@pytest.mark.parametrize("words", [(), ("tokens",), ("models",)])
def test_no_arguments_show_the_help_and_fail(cli: Cli, words: tuple[str, ...]) -> None:
    ended = cli(*words)
    assert (ended.code, ended.stdout) == (2, b"")
    assert ended.err == cli(*words, "--help").out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("genrate",), "No such command 'genrate'. Did you mean 'generate'? See `hornbook --help`"),
        (("zzz",), "No such command 'zzz'; see `hornbook --help`"),
        (("models", "lst"), "No such command 'lst'. Did you mean 'list'? See `hornbook models --help`"),
        (
            ("generate", "--temprature", "1"),
            "No such option '--temprature'. Did you mean '--temperature'? See `hornbook generate --help`",
        ),
        (("embed", "--zzz"), "No such option '--zzz'; see `hornbook embed --help`"),
        (
            ("generate", "-n", "many"),
            "Invalid value for '-n' / '--max-new-tokens': 'many' is not a valid integer; "
            "see `hornbook generate --help`",
        ),
        (
            ("generate", "two", "words"),
            "Got unexpected extra argument (words); put a text of several words in quotes; "
            "see `hornbook generate --help`",
        ),
    ],
)
def test_wrong_usage_is_one_line_with_a_way_out(cli: Cli, words: tuple[str, ...], line: str) -> None:
    ended = cli(*words)
    assert (ended.code, ended.stdout, ended.err) == (2, b"", f"error: {line}\n")


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(words) for words, _ in COMMANDS])
def test_help_is_complete(cli: Cli, words: tuple[str, ...], command: click.Command) -> None:
    ended = cli(*words, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert cli(*words, "-h").out == ended.out
    assert max(map(len, ended.lines)) <= 80
    assert not re.search(r"\.\.\.$", ended.out.split("Options:")[1], re.MULTILINE)
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            name = parameter.name or ""
            assert name.upper() in (command.help or ""), f"{words}: {name} is not explained"
        elif isinstance(parameter, click.Option):
            assert parameter.help, f"{words}: {parameter.name} has no help"


@pytest.mark.parametrize(("words", "command"), LEAVES, ids=[" ".join(words) for words, _ in LEAVES])
def test_every_command_takes_the_common_options(words: tuple[str, ...], command: click.Command) -> None:
    options = {name for parameter in command.params for name in parameter.opts}
    assert options >= {"--quiet", "--offline", "--cache-dir", "--no-color", "--debug"}


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"hornbook, version {hornbook.__version__}\n"


def test_commands_are_listed_from_the_first_need_on(cli: Cli) -> None:
    listed = re.findall(r"^  (\w+) {2,}\w", cli("--help").out.split("Commands:")[1], re.MULTILINE)
    assert listed == ["generate", "embed", "similarity", "explain", "tokens", "models", "bench", "doctor"]
