"""From ids to text while they come: UTF-8 that is never cut inside of a character."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from hornbook.generation.step import Step
from hornbook.tokenizer import DecodeStream

__all__ = ["with_text"]


def with_text(steps: Iterable[Step], stream: DecodeStream) -> Iterator[Step]:
    """The same steps with the text of their tokens, as soon as its last character is complete.

    Args:
        steps: with tokens and no text.
        stream: of the tokenizer, see its `decode_stream`. The last step brings what is left of an incomplete
            character.
    """
    for step in steps:
        text = "" if step.token_id is None else stream.push(step.token_id)
        yield replace(step, text=text if step.finish_reason is None else text + stream.finish())
