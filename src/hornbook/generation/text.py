"""From ids to text while they come: UTF-8 that is never cut inside of a character."""

from hornbook.generation.generate import FinishReason, Stream
from hornbook.tokenizer import AnyTokenizer

__all__ = ["stream_text"]


def stream_text(ids: Stream[int], tokenizer: AnyTokenizer) -> Stream[str]:
    """Pieces of text, as soon as their last character is complete: see `hornbook.tokenizer.DecodeStream`."""
    stream = tokenizer.decode_stream()
    while True:
        try:
            token_id = next(ids)
        except StopIteration as end:
            if rest := stream.finish():
                yield rest
            finish_reason: FinishReason = end.value
            return finish_reason
        if piece := stream.push(token_id):
            yield piece
