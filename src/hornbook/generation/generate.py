"""Generating ids: a stream of steps, a whole sequence, and how one token is drawn."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from hornbook.backend import as_ids
from hornbook.errors import ContextLengthError, ShapeError
from hornbook.generation.config import GenerationConfig
from hornbook.generation.decoding import Decoding
from hornbook.generation.logits import possible_ids, process_logits, softmax
from hornbook.generation.step import FinishReason, Step
from hornbook.models import Decoder

__all__ = ["Generation", "TextGenerator", "draw"]


@dataclass(frozen=True)
class Generation(Sequence[int]):
    """A generated sequence; as a sequence it is `ids`.

    Attributes:
        prompt_ids: what was given.
        new_ids: what was generated, without the token that ended it.
        finish_reason: "stop" at an end-of-text token, "length" at max_new_tokens or the model's limit.
    """

    prompt_ids: tuple[int, ...]
    new_ids: tuple[int, ...]
    finish_reason: FinishReason

    @classmethod
    def of(cls, prompt_ids: Sequence[int], steps: Iterable[Step]) -> "Generation":
        """All that a stream yields."""
        new_ids: list[int] = []
        finish_reason: FinishReason = "length"
        for step in steps:
            if step.token_id is not None:
                new_ids.append(step.token_id)
            finish_reason = step.finish_reason or finish_reason
        return cls(tuple(prompt_ids), tuple(new_ids), finish_reason)

    @property
    def ids(self) -> tuple[int, ...]:
        """Prompt and continuation."""
        return self.prompt_ids + self.new_ids

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[int, ...]: ...
    def __getitem__(self, index: int | slice) -> int | tuple[int, ...]:
        return self.ids[index]

    def __len__(self) -> int:
        return len(self.ids)


class TextGenerator:
    """Continues sequences of ids.

    Args:
        model: any decoder.
        vocab_size: draw only from the first so many ids, where the tokenizer has fewer than the model.
        source: what messages call the model; None for its class.

    Example:
        >>> import hornbook
        >>> lm = hornbook.load("tiny-lm")
        >>> prompt = lm.tokenizer.encode("Once upon a time")
        >>> config = GenerationConfig(temperature=0, max_new_tokens=5)
        >>> output = TextGenerator(lm.model).generate(prompt, config)
        >>> len(output.new_ids), output.finish_reason
        (5, 'length')
    """

    def __init__(self, model: Decoder, *, vocab_size: int | None = None, source: str | None = None) -> None:
        self.model = model
        self.source = type(model).__name__ if source is None else source
        self.vocab_size: int = model.config.vocab_size if vocab_size is None else vocab_size

    def generate(
        self, ids: Sequence[int] | NDArray[Any], config: GenerationConfig | None = None
    ) -> Generation:
        """Continues `ids` until an end-of-text token, max_new_tokens or the model's last position.

        Args:
            ids: the prompt, at least one id.
            config: how; see its defaults.

        Raises:
            ContextLengthError: the prompt leaves no position free.
            ShapeError: the prompt is empty, or not of the model's vocabulary.
            ModelFormatError: the model's numbers are not finite.
        """
        prompt = self._checked_prompt(ids)
        return Generation.of(prompt, self.stream(prompt, config))

    def stream(
        self, ids: Sequence[int] | NDArray[Any], config: GenerationConfig | None = None
    ) -> Iterator[Step]:
        """As `generate`, but yields each new id as it comes; the last step says why the text ended.

        Raises as `generate`: what is wrong with the arguments at once, not with the first step.
        """
        return self._steps(self._checked_prompt(ids), GenerationConfig() if config is None else config)

    def _checked_prompt(self, ids: Sequence[int] | NDArray[Any]) -> list[int]:
        prompt: list[int] = as_ids(ids, ndims=(1,)).tolist()
        vocab_size, n_positions = self.model.config.vocab_size, self.model.config.n_positions
        if not prompt:
            raise ShapeError("generate: the prompt is empty; begin with the end-of-text token")
        if len(prompt) >= n_positions:
            raise ContextLengthError(
                f"generate: the prompt has {len(prompt)} tokens, the model takes {n_positions}, "
                "prompt and continuation together; shorten it"
            )
        if min(prompt) < 0 or max(prompt) >= vocab_size:
            raise ShapeError(
                f"generate: ids must be in 0..{vocab_size - 1}, got {min(prompt)} to {max(prompt)}; "
                "do tokenizer and model belong together?"
            )
        return prompt

    def _steps(self, ids: list[int], config: GenerationConfig) -> Iterator[Step]:
        rng = np.random.default_rng(config.seed)
        eos_token_ids = self._eos_token_ids(config)
        room = min(config.max_new_tokens, self.model.config.n_positions - len(ids))
        if room == 0:
            yield Step(None, finish_reason="length")
            return
        decoding = Decoding(self.model, len(ids) + room, self.source)
        unread, ids = ids, list(ids)
        for left in reversed(range(room)):
            logits = process_logits(decoding.read(unread)[: self.vocab_size], config, ids)
            token_id = draw(logits, rng, greedy=config.greedy)
            if token_id in eos_token_ids:
                yield Step(None, finish_reason="stop")
                return
            yield Step(token_id, finish_reason=None if left else "length")
            ids.append(token_id)
            unread = [token_id]

    def _eos_token_ids(self, config: GenerationConfig) -> tuple[int, ...]:
        own: tuple[int, ...] = self.model.config.eos_token_ids
        return own if config.eos_token_ids is None else config.eos_token_ids


def draw(logits: NDArray[np.float64], rng: np.random.Generator, *, greedy: bool) -> int:
    """One token: the likeliest, or one drawn from softmax(logits).

    Drawing takes one number from `rng` and goes along the cumulative probabilities, in float64.
    """
    if greedy:
        return int(np.argmax(logits))
    ids = possible_ids(logits)
    cumulative = np.cumsum(softmax(logits[ids]))
    return int(ids[np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right")])
