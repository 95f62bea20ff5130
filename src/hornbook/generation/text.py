"""From ids to text while they come: UTF-8 that is never cut inside of a character."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from hornbook.generation.step import Step
from hornbook.tokenizer import AnyTokenizer

__all__ = ["with_text"]


def with_text(steps: Iterable[Step], tokenizer: AnyTokenizer) -> Iterator[Step]:
    """The same steps with the text of their tokens, as soon as its last character is complete.

    See `hornbook.tokenizer.DecodeStream`. The last step brings what is left of an incomplete character.
    """
    stream = tokenizer.decode_stream()
    for step in steps:
        text = "" if step.token_id is None else stream.push(step.token_id)
        yield replace(step, text=text if step.finish_reason is None else text + stream.finish())
