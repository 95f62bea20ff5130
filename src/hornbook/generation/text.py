"""From ids to text while they come: UTF-8 that is never cut inside of a character."""

import codecs

from hornbook.generation.generate import FinishReason, Stream
from hornbook.tokenizer import Tokenizer

__all__ = ["stream_text"]


def stream_text(ids: Stream[int], tokenizer: Tokenizer) -> Stream[str]:
    """Pieces of text, as soon as their last character is complete.

    A token may hold only part of a character's bytes: these wait for the rest. Bytes that can become no
    character give U+FFFD, as in `decode`; together the pieces are what `decode` gives for all ids.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while True:
        try:
            token_id = next(ids)
        except StopIteration as end:
            if rest := decoder.decode(b"", final=True):
                yield rest
            finish_reason: FinishReason = end.value
            return finish_reason
        if piece := decoder.decode(tokenizer.token_bytes(token_id)):
            yield piece
