"""The stages of decoders: each takes tokens one by one, and passes on what it makes of them.

Source: the decoders of https://github.com/huggingface/tokenizers.
"""

import codecs
import re
from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeAlias

from hornbook.tokenizer.unicode.byte_alphabet import spelled_bytes

__all__ = [
    "ByTokens",
    "ByteTokens",
    "Bytes",
    "Connectionist",
    "LeadingStrip",
    "Mode",
    "Stage",
    "Strip",
    "Suffix",
    "Whole",
    "WordPieces",
]

Mode: TypeAlias = Literal["text", "bytes", "inner"]
"""What is decoded: a text, in which U+FFFD replaces bytes that are not UTF-8; or a text with those bytes as
surrogates; or, likewise, a single token inside of a text."""

BYTE_TOKEN = re.compile(r"<0x(\+?[0-9A-Fa-f]{1,2})>")
BYTE_TOKEN_LENGTH = len("<0x00>")


class Stage(Protocol):
    """Takes the tokens of one text."""

    def push(self, token: str) -> Sequence[str]:
        """What one more token completes."""

    def finish(self) -> Sequence[str]:
        """What is left when no more tokens come."""


class ByTokens:
    """Changes each token by itself.

    Args:
        inner: changes a token.
        first: changes the first one; None if it is no exception.
    """

    def __init__(self, inner: Callable[[str], str], first: Callable[[str], str] | None = None) -> None:
        self._inner = inner
        self._first = first

    def push(self, token: str) -> Sequence[str]:
        """See `Stage.push`."""
        change = self._first or self._inner
        self._first = None
        return (change(token),)

    def finish(self) -> Sequence[str]:
        """See `Stage.finish`."""
        return ()


class WordPieces(ByTokens):
    """Puts spaces between words.

    Args:
        prefix: marks tokens that continue a word, and is removed; None if all begin one.
        clean: is applied to the result.
        mode: what is decoded.
    """

    def __init__(self, prefix: str | None, clean: Callable[[str], str], mode: Mode) -> None:
        def inner(token: str) -> str:
            continues = prefix is not None and token.startswith(prefix)
            return clean(token[len(prefix or "") :] if continues else f" {token}")

        super().__init__(inner, None if mode == "inner" else clean)


class Strip:
    """Removes a character from the beginning and from the end of each token.

    Args:
        content: the character.
        start: how many are removed at the beginning, at most.
        stop: how many at the end, at most.
    """

    def __init__(self, content: str, start: int, stop: int) -> None:
        self._content, self._start, self._stop = content, start, stop

    def push(self, token: str) -> Sequence[str]:
        """See `Stage.push`."""
        token = token[min(self._start, len(token) - len(token.lstrip(self._content))) :]
        n_stop = min(self._stop, len(token) - len(token.rstrip(self._content)))
        return (token[: len(token) - n_stop],)

    def finish(self) -> Sequence[str]:
        """See `Stage.finish`."""
        return ()


class LeadingStrip:
    """Removes a character from the beginning of a text that comes in pieces, after a stage that joins tokens.

    Args:
        content: the character.
        start: how many are removed, at most.
        mode: what is decoded.
    """

    def __init__(self, content: str, start: int, mode: Mode) -> None:
        self._content = content
        self._left = 0 if mode == "inner" else start

    def push(self, token: str) -> Sequence[str]:
        """See `Stage.push`."""
        rest = token[min(self._left, len(token) - len(token.lstrip(self._content))) :]
        self._left = 0 if rest else self._left - len(token)
        return (rest,)

    def finish(self) -> Sequence[str]:
        """See `Stage.finish`."""
        return ()


class Suffix:
    """Turns the suffix that marks the end of words into a space, except in the last token.

    Args:
        suffix: the mark.
        mode: what is decoded.
    """

    def __init__(self, suffix: str, mode: Mode) -> None:
        self._suffix = suffix
        self._at_end = " " if mode == "inner" else ""
        self._waiting: str | None = None

    def push(self, token: str) -> Sequence[str]:
        """See `Stage.push`."""
        waiting, self._waiting = self._waiting, token
        return () if waiting is None else (waiting.replace(self._suffix, " "),)

    def finish(self) -> Sequence[str]:
        """See `Stage.finish`."""
        return () if self._waiting is None else (self._waiting.replace(self._suffix, self._at_end),)


class Connectionist:
    """Drops repeated tokens and padding, as for connectionist temporal classification (CTC).

    Args:
        pad_token: the padding.
        clean: is applied to the other tokens.
        mode: what is decoded.
    """

    def __init__(self, pad_token: str, clean: Callable[[str], str], mode: Mode) -> None:
        self._pad_token = pad_token
        self._clean = clean
        self._previous: str | None = None

    def push(self, token: str) -> Sequence[str]:
        """See `Stage.push`."""
        if token == self._previous:
            return ()
        self._previous = token
        text = self._clean(token.replace(self._pad_token, ""))
        return (text,) if text else ()

    def finish(self) -> Sequence[str]:
        """See `Stage.finish`."""
        return ()


class ByteTokens:
    """Joins runs of tokens such as <0xE9>, which stand for bytes; a run that is not UTF-8 is U+FFFD for each.

    Args:
        mode: what is decoded.
    """

    def __init__(self, mode: Mode) -> None:
        self._mode = mode
        self._run = bytearray()

    def push(self, token: str) -> Sequence[str]:
        """See `Stage.push`."""
        found = BYTE_TOKEN.fullmatch(token) if len(token) == BYTE_TOKEN_LENGTH else None
        if found is None:
            return (*self.finish(), token)
        self._run.append(int(found[1], 16))
        return ()

    def finish(self) -> Sequence[str]:
        """See `Stage.finish`."""
        run, self._run = self._run, bytearray()
        if not run:
            return ()
        if self._mode != "text":
            return (run.decode("utf-8", "surrogateescape"),)
        try:
            return (run.decode("utf-8"),)
        except UnicodeDecodeError:
            return ("\ufffd",) * len(run)


class Bytes:
    """Joins the bytes that tokens spell in the byte alphabet; a token outside of it spells itself.

    Args:
        mode: what is decoded.
    """

    def __init__(self, mode: Mode) -> None:
        errors = "replace" if mode == "text" else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors)

    def push(self, token: str) -> Sequence[str]:
        """See `Stage.push`."""
        try:
            data = spelled_bytes(token)
        except ValueError:
            data = token.encode("utf-8", "surrogateescape")
        return (self._decoder.decode(data),)

    def finish(self) -> Sequence[str]:
        """See `Stage.finish`."""
        return (self._decoder.decode(b"", final=True),)


class Whole:
    """Gives a stage all tokens as one, after a stage that has joined them.

    Args:
        stage: the stage.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._texts: list[str] = []

    def push(self, token: str) -> Sequence[str]:
        """See `Stage.push`."""
        self._texts.append(token)
        return ()

    def finish(self) -> Sequence[str]:
        """See `Stage.finish`."""
        return (*self._stage.push("".join(self._texts)), *self._stage.finish())
