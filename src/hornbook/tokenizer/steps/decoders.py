"""How tokens become text again: the decoders of a tokenizer.json.

A decoder is a chain of stages. A stage takes tokens one by one and passes on texts, as soon as it can know
them: so a text can be decoded while its tokens come. `Fuse` and `ByteLevel` join all tokens; for the stages
after them the whole text is a single token.

Source: the decoders of https://github.com/huggingface/tokenizers.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from hornbook.tokenizer.json_object import JsonObject
from hornbook.tokenizer.steps.decoding_stages import (
    Bytes,
    ByteTokens,
    ByTokens,
    Connectionist,
    LeadingStrip,
    Mode,
    Stage,
    Strip,
    Suffix,
    Whole,
    WordPieces,
)
from hornbook.tokenizer.steps.search_pattern import replaced, search_pattern

__all__ = ["SPACED", "Decoder", "DecodingRun", "build_decoder"]

StageMaker: TypeAlias = Callable[[Mode], Stage]


@dataclass(frozen=True)
class Decoder:
    """Tokens to text.

    Attributes:
        stages: make the stages for one text.
        is_byte_level: whether the tokens only spell bytes: those of each token, joined, are the text.
        is_piecewise: whether the bytes of each token are the same wherever it stands, the first one apart: as
            long as they are UTF-8, joined they are the text.
    """

    stages: Sequence[StageMaker]
    is_byte_level: bool = False
    is_piecewise: bool = False

    def start(self, mode: Mode = "text") -> "DecodingRun":
        """Begins a text."""
        return DecodingRun([make(mode) for make in self.stages])

    def decode(self, tokens: Iterable[str], mode: Mode = "text") -> str:
        """The text of all tokens."""
        run = self.start(mode)
        return "".join([*map(run.push, tokens), run.finish()])


class DecodingRun:
    """The decoding of one text.

    Args:
        stages: what each token goes through.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = stages

    def push(self, token: str) -> str:
        """The text that one more token completes; it may be empty."""
        return "".join(self._passed_on([token], self._stages))

    def finish(self) -> str:
        """The text that is left when no more tokens come."""
        texts: list[str] = []
        for index, stage in enumerate(self._stages, 1):
            texts += self._passed_on(stage.finish(), self._stages[index:])
        return "".join(texts)

    def _passed_on(self, tokens: Iterable[str], stages: Sequence[Stage]) -> Iterable[str]:
        for stage in stages:
            tokens = [text for token in tokens for text in stage.push(token)]
        return tokens


SPACED = Decoder([partial(WordPieces, None, str)], is_piecewise=True)
"""Tokens with spaces between them: the decoding of files without a decoder."""

CLEANED = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" do not", " don't"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)
"""The replacements that clean up English, one after the other, within a token."""


def build_decoder(settings: JsonObject) -> Decoder:
    """The decoder that a file describes.

    Raises:
        TokenizerError: a type is unknown, or a setting is damaged.
    """
    steps = list(_flattened(settings))
    makers: list[StageMaker] = []
    is_joined = False
    for step in steps:
        kind = step.choice("type", sorted([*MAKERS, "Fuse"]))
        if is_joined and kind == "Strip" and step.integer("stop") == 0:
            makers.append(partial(LeadingStrip, step.character("content"), step.integer("start")))
        elif kind != "Fuse":
            maker = MAKERS[kind](step)
            makers.append(partial(_whole, maker) if is_joined else maker)
        is_joined |= kind in ("Fuse", "ByteLevel")
    is_byte_level = [step.value("type") for step in steps] == ["ByteLevel"]
    return Decoder(makers, is_byte_level=is_byte_level, is_piecewise=_is_piecewise(steps))


def _is_piecewise(steps: Sequence[JsonObject]) -> bool:
    """Whether tokens are changed one by one, then byte tokens are joined, then the beginning stripped."""
    has_bytes = is_joined = is_stripped = False
    for step in steps:
        kind = step.value("type")
        if kind in BY_TOKENS and not (has_bytes or is_joined):
            continue
        if kind == "ByteFallback" and not (has_bytes or is_joined):
            has_bytes = True
        elif kind == "Fuse":
            is_joined = True
        elif kind == "Strip" and is_joined and not is_stripped and step.integer("stop") == 0:
            is_stripped = True
        else:
            return False
    return True


def _flattened(settings: JsonObject) -> Iterable[JsonObject]:
    """Decoders in the order in which they are applied, sequences flattened."""
    if settings.value("type") != "Sequence":
        yield settings
        return
    for step in settings.objects("decoders"):
        yield from _flattened(step)


def _whole(make: StageMaker, mode: Mode) -> Stage:
    return ByTokens(str) if mode == "inner" else Whole(make(mode))


def _cleaned(token: str) -> str:
    for before, after in CLEANED:
        token = token.replace(before, after)
    return token


def _wordpiece(settings: JsonObject) -> StageMaker:
    clean = _cleaned if settings.flag("cleanup", True) else str
    return partial(WordPieces, settings.text("prefix", "##"), clean)


def _metaspace(settings: JsonObject) -> StageMaker:
    mark = settings.character("replacement", "▁")
    old_scheme = "always" if settings.flag("add_prefix_space", True) else "never"
    scheme = settings.choice("prepend_scheme", ("always", "first", "never"), old_scheme)

    def inner(token: str) -> str:
        return token.replace(mark, " ")

    def first(token: str) -> str:
        return token.replace(mark, "")

    return lambda mode: ByTokens(inner, None if scheme == "never" or mode == "inner" else first)


def _replace(settings: JsonObject) -> StageMaker:
    find, content = search_pattern(settings), settings.text("content")
    return lambda _: ByTokens(partial(replaced, find, content))


def _strip(settings: JsonObject) -> StageMaker:
    content = settings.character("content")
    start, stop = settings.integer("start"), settings.integer("stop")
    return lambda _: Strip(content, start, stop)


def _suffix(settings: JsonObject) -> StageMaker:
    return partial(Suffix, settings.text("suffix", "</w>"))


def _ctc(settings: JsonObject) -> StageMaker:
    delimiter = settings.text("word_delimiter_token", "|")
    cleans = settings.flag("cleanup", True)

    def clean(token: str) -> str:
        return _cleaned(token).replace(delimiter, " ") if cleans else token

    return partial(Connectionist, settings.text("pad_token", "<pad>"), clean)


BY_TOKENS = ("Metaspace", "Replace", "Strip", "WordPiece")
"""Decoders that change each token by itself."""

MAKERS: Mapping[str, Callable[[JsonObject], StageMaker]] = {
    "BPEDecoder": _suffix,
    "ByteFallback": lambda _: ByteTokens,
    "ByteLevel": lambda _: Bytes,
    "CTC": _ctc,
    "Metaspace": _metaspace,
    "Replace": _replace,
    "Strip": _strip,
    "WordPiece": _wordpiece,
}
"""Stages by the type of the decoder."""
