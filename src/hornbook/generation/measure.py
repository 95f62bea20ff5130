"""How fast a loaded model is: what `hornbook bench` shows.

Comparisons with others are in `benchmarks/` of the repository.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from hornbook.generation.config import GenerationConfig
from hornbook.generation.generate import TextGenerator
from hornbook.models import Decoder

__all__ = ["SENTENCES", "Speed", "measure_decoding", "measure_encoding", "measure_prefill"]

PROMPT_TOKENS = 512
SENTENCES = (
    "The quick brown fox jumps over the lazy dog.",
    "It had been raining since the early morning.",
    "Nobody in the village remembered who had built the bridge.",
    "She opened the letter slowly and read it twice.",
) * 8
"""What is encoded."""


@dataclass(frozen=True)
class Speed:
    """How long a run takes.

    Attributes:
        amount: tokens or sentences of one run.
        seconds: of one run, the median of several.
    """

    amount: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Tokens or sentences a second."""
        return self.amount / self.seconds


def measure_prefill(model: Decoder, *, budget_s: float = 1.0) -> Speed:
    """How fast a prompt is read: 512 tokens, or as many as the model takes, and the logits of the last.

    Args:
        model: any decoder.
        budget_s: no run begins after this time; there is at least one, and one before it to warm up.

    Raises:
        ContextLengthError: the model takes a single token.
    """
    config = model.config
    length = max(1, min(PROMPT_TOKENS, config.n_positions - 1))
    prompt = [i % config.vocab_size for i in range(length)]
    generator, greedy = TextGenerator(model), _greedy(1)
    return _measure(lambda: generator.generate(prompt, greedy), length, budget_s)


def measure_decoding(model: Decoder, *, budget_s: float = 1.0) -> Speed:
    """How fast tokens come one after the other, from the beginning of a text.

    Args:
        model: any decoder.
        budget_s: as in `measure_prefill`.

    Raises:
        ContextLengthError: the model takes a single token.
    """
    generator, greedy = TextGenerator(model), _greedy(model.config.n_positions)
    next(generator.stream([0], greedy))
    times: list[float] = []
    while not times or sum(times) < budget_s:
        times += _step_times(generator, greedy, budget_s - sum(times))
    return Speed(1, median(times))


def measure_encoding(encode: Callable[[list[str]], object], *, budget_s: float = 1.0) -> Speed:
    """How fast `SENTENCES` become vectors, tokenizing included.

    Args:
        encode: such as the method of `Embedder`.
        budget_s: as in `measure_prefill`.
    """
    sentences = list(SENTENCES)
    return _measure(lambda: encode(sentences), len(sentences), budget_s)


def _greedy(max_new_tokens: int) -> GenerationConfig:
    """The likeliest tokens, past any end of a text."""
    return GenerationConfig(temperature=0, max_new_tokens=max_new_tokens, eos_token_ids=())


def _measure(run: Callable[[], object], amount: int, budget_s: float) -> Speed:
    run()
    times: list[float] = []
    while not times or sum(times) < budget_s:
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return Speed(amount, median(times))


def _step_times(generator: TextGenerator, config: GenerationConfig, budget_s: float) -> list[float]:
    """Seconds of each step of one text, until the model is full or the time is over."""
    times: list[float] = []
    begin = start = time.perf_counter()
    for _ in generator.stream([0], config):
        end = time.perf_counter()
        times.append(end - begin)
        if end - start >= budget_s:
            break
        begin = end
    return times
