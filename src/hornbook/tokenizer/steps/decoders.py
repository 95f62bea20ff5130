"""How tokens become text again: the decoders of a tokenizer.json.

A decoder gives the bytes that a token stands for at the beginning of a text, or further on. Joined, they are
the text in UTF-8, so that a text can be decoded token by token.

Source: the decoders of https://github.com/huggingface/tokenizers.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from hornbook.tokenizer.json_object import JsonObject
from hornbook.tokenizer.steps.search_pattern import literal_pattern
from hornbook.tokenizer.unicode.byte_alphabet import spelled_bytes

__all__ = ["Decoder", "build_decoder", "spaced"]

Decoder: TypeAlias = Callable[[str, bool], bytes]
"""From a token, and whether it is the first, to bytes."""

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
"""The replacements by which the WordPiece decoder cleans up English, one after the other, within a token."""


def build_decoder(settings: JsonObject) -> Decoder:
    """The decoder that a file describes.

    Raises:
        TokenizerError: its type is unknown, or a setting is not supported.
    """
    decoder = BUILDERS[settings.choice("type", BUILDERS)](settings)
    settings.close()
    return decoder


def spaced(token: str, first: bool) -> bytes:
    """Tokens with spaces between them: the decoding of files without a decoder."""
    return (token if first else f" {token}").encode()


def byte_level(token: str, first: bool) -> bytes:
    """The bytes that a token spells; a token outside of the byte alphabet spells itself."""
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
    """SentencePiece's BPE: bytes have tokens of their own, and the first space is dropped.

    Where such bytes are not UTF-8, each run of them becomes one U+FFFD; in tokenizers, each byte does.
    """
    token = replaced.sub(lambda _: content, token)
    if found := BYTE_TOKEN.fullmatch(token):
        return bytes.fromhex(found[1])
    return (token.removeprefix(strips) if first else token).encode()


def _build_byte_level(settings: JsonObject) -> Decoder:
    for key in ("add_prefix_space", "trim_offsets", "use_regex"):  # of the pre-tokenizer of that name
        settings.flag(key, True)
    return byte_level


def _build_wordpiece(settings: JsonObject) -> Decoder:
    return partial(_wordpiece, settings.text("prefix", "##"), settings.flag("cleanup", True))


def _build_metaspace(settings: JsonObject) -> Decoder:
    mark = settings.character("replacement", "▁")
    old_scheme = "always" if settings.flag("add_prefix_space", True) else "never"
    scheme = settings.choice("prepend_scheme", ("always", "first", "never"), old_scheme)
    settings.flag("split", True)  # of the pre-tokenizer of that name
    settings.value("str_rep")
    return partial(_metaspace, mark, scheme != "never")


def _build_sequence(settings: JsonObject) -> Decoder:
    """The only sequence that is supported: that of SentencePiece's BPE, with or without its last step."""
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


BUILDERS: Mapping[str, Callable[[JsonObject], Decoder]] = {
    "ByteLevel": _build_byte_level,
    "Metaspace": _build_metaspace,
    "Sequence": _build_sequence,
    "WordPiece": _build_wordpiece,
}
"""Decoders by type."""
