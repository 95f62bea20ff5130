"""Spans of tokens without the white space at their ends, as byte-level post-processors give them."""

from collections.abc import Sequence

from hornbook.tokenizer.models.word_model import Span
from hornbook.tokenizer.unicode.byte_alphabet import BYTE_TO_CHARACTER
from hornbook.tokenizer.unicode.patterns import WHITE_SPACE

__all__ = ["trimmed"]

SPACES = WHITE_SPACE + BYTE_TO_CHARACTER[ord(" ")]


def trimmed(spans: Sequence[Span], tokens: Sequence[str], *, keeps_prefix: bool) -> list[Span]:
    """The spans without white space at either end.

    Args:
        spans: of tokens.
        tokens: how each id is spelled.
        keeps_prefix: whether the first token's first space is in no text, but was put before it.
    """
    return [
        _trimmed(span, tokens[span[0]], keeps_prefix and (index == 0 or span[1] == 0))
        for index, span in enumerate(spans)
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
