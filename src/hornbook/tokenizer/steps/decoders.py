"""How tokens become text again: the decoders of a tokenizer.json.

A decoder gives the bytes that a token stands for at the beginning of a text, or further on. All bytes joined
are the text in UTF-8, so that a text can be decoded token by token.

Source: the decoders of https://github.com/huggingface/tokenizers.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from hornbook.tokenizer.json_object import Settings
from hornbook.tokenizer.steps.search_pattern import literal_pattern
from hornbook.tokenizer.unicode.byte_alphabet import spelled_bytes

__all__ = ["Decoder", "build_decoder", "spaced"]

Decoder: TypeAlias = Callable[[str, bool], bytes]
"""A token, and whether it is the first, to bytes."""

BYTE_TOKEN = re.compile("<0x([0-9A-F]{2})>")

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
"""What the WordPiece decoder tidies up in English, one after the other, inside of a token."""


def build_decoder(settings: Settings) -> Decoder:
    """The decoder that a file describes.

    Raises:
        TokenizerError: it is of an unknown kind, or asks for what is not supported.
    """
    decoder = BUILDERS[settings.choice("type", BUILDERS)](settings)
    settings.close()
    return decoder


def spaced(token: str, first: bool) -> bytes:
    """Tokens with spaces between them: what is done where a file has no decoder."""
    return (token if first else f" {token}").encode()


def byte_level(token: str, first: bool) -> bytes:
    """The bytes that a token spells; one that is not byte-level is itself."""
    try:
        return spelled_bytes(token)
    except ValueError:
        return token.encode()


def _wordpiece(prefix: str, cleans: bool, token: str, first: bool) -> bytes:
    if not first:
        token = token.removeprefix(prefix) if prefix and token.startswith(prefix) else f" {token}"
    if cleans:
        for before, after in CLEANED:
            token = token.replace(before, after)
    return token.encode()


def _metaspace(mark: str, drops_first: bool, token: str, first: bool) -> bytes:
    return token.replace(mark, "" if first and drops_first else " ").encode()


def _sentencepiece(replaced: re.Pattern[str], content: str, strips: str, token: str, first: bool) -> bytes:
    """SentencePiece's byte pairs: bytes have tokens of their own, and the first space is dropped.

    Where such bytes are not UTF-8, U+FFFD stands for each stretch of them, in tokenizers for each byte.
    """
    token = replaced.sub(lambda _: content, token)
    if found := BYTE_TOKEN.fullmatch(token):
        return bytes.fromhex(found[1])
    return (token.removeprefix(strips) if first else token).encode()


def _build_byte_level(settings: Settings) -> Decoder:
    for key in ("add_prefix_space", "trim_offsets", "use_regex"):  # of the pre-tokenizer of that name
        settings.flag(key, True)
    return byte_level


def _build_wordpiece(settings: Settings) -> Decoder:
    return partial(_wordpiece, settings.text("prefix", "##"), settings.flag("cleanup", True))


def _build_metaspace(settings: Settings) -> Decoder:
    mark = settings.character("replacement", "▁")
    old_scheme = "always" if settings.flag("add_prefix_space", True) else "never"
    scheme = settings.choice("prepend_scheme", ("always", "first", "never"), old_scheme)
    settings.flag("split", True)  # of the pre-tokenizer of that name
    settings.value("str_rep")
    return partial(_metaspace, mark, scheme != "never")


def _build_sequence(settings: Settings) -> Decoder:
    """One chain of steps: that of SentencePiece's byte pairs, with or without the last."""
    steps = settings.objects("decoders")
    kinds = [step.text("type") for step in steps]
    if kinds not in (["Replace", "ByteFallback", "Fuse"], ["Replace", "ByteFallback", "Fuse", "Strip"]):
        raise settings.error("decoders", f"in the order {', '.join(kinds) or 'of none'} are not supported")
    replaced, content = literal_pattern(steps[0]), steps[0].text("content")
    strips = ""
    if len(steps) == 4:
        strips = steps[3].character("content") * steps[3].integer("start", 0, most=1)
        steps[3].neutral("stop", 0)
    for step in steps:
        step.close()
    return partial(_sentencepiece, replaced, content, strips)


BUILDERS: Mapping[str, Callable[[Settings], Decoder]] = {
    "ByteLevel": _build_byte_level,
    "Metaspace": _build_metaspace,
    "Sequence": _build_sequence,
    "WordPiece": _build_wordpiece,
}
"""Kinds of decoders, by the names that files give them."""
