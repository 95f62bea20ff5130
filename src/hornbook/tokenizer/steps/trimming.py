"""Spans that exclude the white space at both ends of a token, as byte-level post-processors make them."""

from collections.abc import Sequence

from hornbook.tokenizer.spans import Span
from hornbook.tokenizer.unicode.byte_alphabet import BYTE_TO_CHARACTER
from hornbook.tokenizer.unicode.patterns import WHITE_SPACE

__all__ = ["trimmed"]

SPACES = WHITE_SPACE + BYTE_TO_CHARACTER[ord(" ")]


def trimmed(spans: Sequence[Span], spelled: Sequence[str], *, keeps_prefix: bool) -> list[Span]:
    """Excludes white space at both ends.

    Args:
        spans: of tokens.
        spelled: how each of these tokens is spelled; an added token has the white space that it includes.
        keeps_prefix: whether the first space of the first token was put before the text, and is not in it.
    """
    return [
        _trimmed(span, token, keeps_prefix and (index == 0 or span[1] == 0))
        for index, (span, token) in enumerate(zip(spans, spelled, strict=True))
    ]


def _trimmed(span: Span, token: str, keeps_one: bool) -> Span:
    token_id, start, stop = span
    leading = len(token) - len(token.lstrip(SPACES))
    trailing = len(token) - len(token.rstrip(SPACES))
    if leading:
        start = min(start + (0 if keeps_one and leading == 1 else leading), stop)
    if trailing and stop >= trailing:
        stop = max(stop - trailing, start)
    return token_id, start, stop
