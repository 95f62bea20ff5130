"""TextGenerator: ids from ids, with small models whose behaviour is chosen."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hornbook
from hornbook import BPETokenizer, GenerationConfig, GPT2Config, TextGenerator
from hornbook.errors import ContextLengthError, ModelFormatError, ShapeError
from hornbook.generation import Generation, Step
from hornbook.hub import open_tensors
from hornbook.loading import find_model, read_config
from hornbook.models import GPT2

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "gpt2"
TINY_LM = Path(hornbook.__file__).parent / "builtin" / "tiny-lm"
GREEDY = GenerationConfig(temperature=0, eos_token_ids=())


@pytest.fixture
def model() -> GPT2:
    """67 tokens, 19 positions, end of text 66."""
    bundle = find_model(GOLDEN / "tied")
    config = read_config(bundle)
    assert isinstance(config, GPT2Config)
    return GPT2.from_hub_weights(config, bundle.load_tensors())


def always(token_id: int, vocab_size: int = 13, n_positions: int = 11) -> GPT2:
    """A model that always finds the same token likeliest: no other has a row in the output table."""
    config = GPT2Config(
        vocab_size=vocab_size, n_positions=n_positions, n_embd=6, n_layer=1, n_head=2,
        tie_word_embeddings=False, bos_token_id=0, eos_token_id=token_id,
    )  # fmt: skip
    model = GPT2(config, seed=1)
    model.ln_f.load_state_dict({"weight": np.zeros(6, np.float32), "bias": np.ones(6, np.float32)})
    model.lm_head.weight.data[:] = 0
    model.lm_head.weight.data[token_id] = 1
    return model


def test_the_example_of_the_first_seed() -> None:
    """The steps of the first seed's README with the model that comes with the package."""
    config = read_config(find_model("tiny-lm"))
    assert isinstance(config, GPT2Config)
    model = GPT2.from_hub_weights(config, open_tensors(TINY_LM / "model.safetensors"))
    tokenizer = BPETokenizer.from_files(TINY_LM / "vocab.json", TINY_LM / "merges.txt")
    prompt = tokenizer.encode("The quick brown fox")
    options = GenerationConfig(max_new_tokens=50, temperature=0.8, top_k=50, seed=3)
    output = TextGenerator(model).generate(prompt, options)
    assert output.prompt_ids == tuple(prompt) == output[: len(prompt)]
    assert output.ids == tuple(output) == output.prompt_ids + output.new_ids
    assert output.finish_reason in {"stop", "length"}
    assert tokenizer.decode(output).startswith("The quick brown fox")
    assert output[-1] == output.new_ids[-1]
    assert len(output) == len(output.ids)


def test_end_of_text_stops_and_is_left_out() -> None:
    output = TextGenerator(always(7)).generate([1, 2], GenerationConfig(temperature=0, eos_token_ids=(7,)))
    assert (output.ids, output.new_ids, output.finish_reason) == ((1, 2), (), "stop")
    several = GenerationConfig(temperature=0, eos_token_ids=(3, 7))
    assert TextGenerator(always(7)).generate([1, 2], several).finish_reason == "stop"


def test_the_models_own_end_of_text_holds_unless_told_otherwise() -> None:
    generator = TextGenerator(always(7))
    assert generator.generate([1], GenerationConfig(temperature=0)).finish_reason == "stop"
    assert generator.generate([1]).finish_reason == "stop"
    endless = generator.generate([1], GREEDY)
    assert endless.finish_reason == "length"
    assert endless.new_ids == (7,) * 10


@pytest.mark.parametrize("max_new_tokens", [0, 1, 5])
def test_max_new_tokens(model: GPT2, max_new_tokens: int) -> None:
    config = GREEDY.override(max_new_tokens=max_new_tokens)
    output = TextGenerator(model).generate([1, 2, 3], config)
    assert len(output.new_ids) == max_new_tokens
    assert output.finish_reason == "length"


@pytest.mark.parametrize("n", [1, 17, 18])
def test_it_ends_at_the_last_position(model: GPT2, n: int) -> None:
    output = TextGenerator(model).generate([1] * n, GREEDY)
    assert len(output) == 19
    assert output.finish_reason == "length"


@pytest.mark.parametrize("n", [19, 20, 10**6])
def test_a_prompt_that_leaves_no_room(model: GPT2, n: int) -> None:
    with pytest.raises(ContextLengthError, match=rf"prompt has {n} tokens, the model takes 19"):
        TextGenerator(model).generate([1] * n)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([], "the prompt is empty"),
        (np.empty(0, np.int32), "the prompt is empty"),
        ([67], r"ids must be in 0\.\.66, got 67 to 67"),
        ([1, -1], r"ids must be in 0\.\.66, got -1 to 1"),
        ([[1, 2]], "expected integers of shape"),
        ([0.5], "expected integers"),
        ("abc", "expected integers"),
        ([None], "expected integers"),
        ([2**70], "ids"),
    ],
)
def test_prompts_that_are_none_are_refused_at_once(model: GPT2, ids: Any, message: str) -> None:
    for ask in (TextGenerator(model).generate, TextGenerator(model).stream):
        with pytest.raises(ShapeError, match=message):
            ask(ids)


@pytest.mark.parametrize("ids", [(1, 2, 3), np.array([1, 2, 3]), np.array([1, 2, 3], np.uint8)])
def test_prompts_of_any_integer_sequence(model: GPT2, ids: Any) -> None:
    expected = TextGenerator(model).generate([1, 2, 3], GREEDY)
    assert TextGenerator(model).generate(ids, GREEDY) == expected


def test_a_stream_is_what_generate_gives(model: GPT2) -> None:
    config = GenerationConfig(seed=5, max_new_tokens=11)
    expected = TextGenerator(model).generate([1, 2], config)
    steps = list(TextGenerator(model).stream([1, 2], config))
    assert Generation.of([1, 2], steps) == expected
    assert [step.finish_reason for step in steps] == [None] * 10 + ["length"]


def test_the_last_step_of_a_stream_ends_it() -> None:
    greedy = GenerationConfig(temperature=0, eos_token_ids=(7,))
    assert list(TextGenerator(always(7)).stream([1], greedy)) == [Step(None, "", "stop")]
    three = greedy.override(max_new_tokens=2, eos_token_ids=())
    assert list(TextGenerator(always(7)).stream([1], three)) == [Step(7), Step(7, "", "length")]
    none = greedy.override(max_new_tokens=0)
    assert list(TextGenerator(always(7)).stream([1], none)) == [Step(None, "", "length")]


def test_the_same_seed_gives_the_same_ids(model: GPT2) -> None:
    def sample(seed: int | None) -> tuple[int, ...]:
        config = GenerationConfig(seed=seed, temperature=1.5, top_k=0, eos_token_ids=())
        return TextGenerator(model).generate([1, 2, 3], config).new_ids

    assert sample(3) == sample(3)
    assert len({sample(seed) for seed in range(7)}) == 7
    assert sample(None) != sample(None)
    assert sample(2**64 - 1) == sample(2**64 - 1)


@pytest.mark.parametrize(
    "options",
    [
        {"top_k": 1},
        {"top_p": 0},
        {"top_p": 1e-12},
        {"min_p": 1},
        {"temperature": 1e-45, "top_k": 0},
        {"temperature": 5e-324},
    ],
)
def test_what_leaves_one_token_is_greedy(model: GPT2, options: dict[str, Any]) -> None:
    config = GenerationConfig(seed=3, eos_token_ids=(), **options)
    assert TextGenerator(model).generate([1, 2, 3], config) == TextGenerator(model).generate(
        [1, 2, 3], GREEDY
    )


@pytest.mark.parametrize(
    "options",
    [
        {"repetition_penalty": 1e308},
        {"repetition_penalty": 1e-308},
        {"repetition_penalty": 1e308, "temperature": 1e-45},
        {"repetition_penalty": 1e-308, "temperature": 1e308, "top_p": 0.5, "min_p": 0.5},
        {"temperature": 1e308, "top_k": 10**9},
    ],
)
def test_extremes_still_give_tokens(model: GPT2, options: dict[str, Any]) -> None:
    config = GenerationConfig(seed=3, eos_token_ids=(), **options)
    assert len(TextGenerator(model).generate([1, 2, 3], config)) == 19


def test_a_high_penalty_never_repeats(model: GPT2) -> None:
    output = TextGenerator(model).generate([1, 2, 3], GREEDY.override(repetition_penalty=1e6))
    assert len(set(output)) == len(output)


def test_tokens_that_the_tokenizer_lacks_are_never_drawn() -> None:
    model = always(12)
    output = TextGenerator(model, vocab_size=11).generate([1], GREEDY)
    assert max(output) < 11


def test_a_prompt_may_hold_tokens_that_the_tokenizer_lacks() -> None:
    options = GREEDY.override(repetition_penalty=1.3, max_new_tokens=3)
    output = TextGenerator(always(3), vocab_size=11).generate([1, 12], options)
    assert len(output.new_ids) == 3


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("temperature", [0.0, 0.8])
@pytest.mark.parametrize("prompt", [[1, 2], [1, 5]])
def test_damaged_weights_give_an_error_and_no_text(
    model: GPT2, prompt: list[int], value: float, temperature: float
) -> None:
    """Row 5 is read by the second prompt; by the first it is only a token that may come next."""
    model.wte.weight.data[5, 3] = value
    config = GenerationConfig(
        temperature=temperature, top_k=3, top_p=0.5, repetition_penalty=1.3, max_new_tokens=1
    )
    with (
        pytest.raises(ModelFormatError, match=r"logits are not finite numbers; are its weights damaged\?"),
        np.errstate(all="ignore"),
    ):
        TextGenerator(model).generate(prompt, config)
