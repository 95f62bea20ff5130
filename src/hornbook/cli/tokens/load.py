"""Which tokenizer a command uses: a model's, or one in a file of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from hornbook.builtin import BUILTIN_MODELS, DEFAULT_LANGUAGE_MODEL
from hornbook.cli.options import model_option
from hornbook.errors import DataError, TokenizerError

if TYPE_CHECKING:
    from hornbook import Tokenizer

__all__ = [
    "SPECIAL_RULES",
    "Special",
    "add_special_option",
    "explaining_refusal",
    "load_named",
    "load_tokenizer",
    "special_option",
    "tokenizer_options",
]

Command = TypeVar("Command", bound=Callable[..., Any])
Special = Literal["text", "parse", "refuse"]

SPECIAL_RULES: dict[Special, dict[str, Any]] = {
    "text": {},
    "parse": {"allowed_special": "all"},
    "refuse": {"disallowed_special": "all"},
}
"""The arguments of `encode` for each value of --special."""

special_option = click.option(
    "--special",
    type=click.Choice(["text", "parse", "refuse"]),
    default="text",
    show_default=True,
    help="What <|endoftext|> in the text is: ordinary text, the special token, or an error.",
)

add_special_option = click.option(
    "--add-special/--no-add-special",
    default=True,
    show_default=True,
    help="Add the tokens that the tokenizer puts around a text, such as [CLS] and [SEP].",
)


@contextmanager
def explaining_refusal(tokenizer: "Tokenizer", text: str, special: Special) -> Iterator[None]:
    """Names the other values of --special in the error about a special token that it refuses.

    Raises:
        DataError: the text has one.
    """
    try:
        yield
    except TokenizerError:
        found = [token for token in tokenizer.special_tokens if token in text]
        if special != "refuse" or not found:
            raise
        raise DataError(
            f"--special refuse: the text has the special token {found[0]!r}; "
            "`parse` takes it for the token, `text` for ordinary text"
        ) from None


def tokenizer_options(command: Command) -> Command:
    """`-m` and `--revision`: whose tokenizer; `-t`: the file of one."""
    return click.option(
        "-t",
        "--tokenizer-path",
        metavar="FILE",
        type=click.Path(readable=False, path_type=Path),
        help="A tokenizer.json, or a folder with a tokenizer's files; used instead of --model.",
    )(model_option(DEFAULT_LANGUAGE_MODEL)(command))


def load_tokenizer(model: str, revision: str | None, path: Path | None) -> "Tokenizer":
    """The tokenizer in a file or folder, else the model's.

    Raises:
        DataError: the file does not exist.
        HornbookError: its files are damaged, or cannot be downloaded.
    """
    from hornbook.loading import find_model, read_tokenizer
    from hornbook.machine import usable_threads

    usable_threads()  # so that a wrong setting is not blamed on a model's files
    if path is not None:
        return _read(path)
    return read_tokenizer(find_model(model, revision=revision, tokenizer_only=True))


def load_named(name: str) -> "Tokenizer":
    """The tokenizer of a built-in model or a Hub repository, in a folder, or in a tokenizer.json.

    Raises:
        DataError: the file does not exist.
        HornbookError: its files are damaged, or cannot be downloaded.
    """
    path = Path(name)
    is_local = path.is_file() or path.suffix == ".json" or (path.is_dir() and name not in BUILTIN_MODELS)
    return load_tokenizer(name, None, path if is_local else None)


def _read(path: Path) -> "Tokenizer":
    from hornbook import Tokenizer

    if not path.exists():
        raise DataError(f"{path}: no such file; `hornbook tokens create` writes a tokenizer.json")
    return Tokenizer.from_folder(path) if path.is_dir() else Tokenizer.from_file(path)
