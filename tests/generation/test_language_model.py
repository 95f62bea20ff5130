"""From text to text with the built-in model."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hornbook
from hornbook.errors import ConfigError, ContextLengthError, ShapeError

TINY_LM = Path(hornbook.__file__).parent / "builtin" / "tiny-lm"
PROMPT = "Once upon a time"


@pytest.fixture(scope="module")
def lm() -> hornbook.LanguageModel:
    return hornbook.load()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """tiny-lm with files to change."""
    return Path(shutil.copytree(TINY_LM, tmp_path / "model"))


def with_generation_config(folder: Path, **values: Any) -> hornbook.LanguageModel:
    (folder / "generation_config.json").write_text(json.dumps(values), encoding="utf-8")
    return hornbook.load(folder)


def test_what_is_loaded(lm: hornbook.LanguageModel) -> None:
    assert lm.name == "tiny-lm"
    assert lm.config is lm.model.config
    assert lm.tokenizer is lm.tokenizer
    assert lm.tokenizer.vocab_size == lm.config.vocab_size == 8192


def test_generate_stream_and_complete_agree(lm: hornbook.LanguageModel) -> None:
    options: dict[str, Any] = {
        "max_new_tokens": 50,
        "temperature": 0.8,
        "top_k": 50,
        "top_p": None,
        "seed": 0,
    }
    text = lm.generate(PROMPT, **options)
    assert text
    steps = list(lm.stream(PROMPT, **options))
    assert "".join(step.text for step in steps) == text
    completion = lm.complete(PROMPT, **options)
    assert (completion.prompt, completion.text) == (PROMPT, text)
    assert list(completion.prompt_ids) == lm.tokenizer.encode(PROMPT)
    assert lm.tokenizer.decode(completion.ids) == text
    assert completion.ids == tuple(step.token_id for step in steps if step.token_id is not None)
    assert [step.finish_reason for step in steps] == [None] * (len(steps) - 1) + [completion.finish_reason]
    assert len(completion.ids) == 50 or completion.finish_reason == "stop"


def test_seeds(lm: hornbook.LanguageModel) -> None:
    assert lm.generate(PROMPT, seed=3) == lm.generate(PROMPT, seed=3)
    assert len({lm.generate(PROMPT, seed=seed, max_new_tokens=20) for seed in range(5)}) == 5


def test_an_empty_prompt_stands_for_the_beginning_of_a_text(lm: hornbook.LanguageModel) -> None:
    completion = lm.complete("", seed=0, max_new_tokens=5)
    assert completion.prompt_ids == (lm.config.bos_token_id,)
    assert len(completion.ids) == 5


def test_end_of_text_in_a_prompt_is_ordinary_text(lm: hornbook.LanguageModel) -> None:
    completion = lm.complete("<|endoftext|>", seed=0, max_new_tokens=1)
    assert not set(lm.config.eos_token_ids) & set(completion.prompt_ids)


@pytest.mark.parametrize("method", ["generate", "stream", "complete"])
@pytest.mark.parametrize("prompt", [None, b"Once", 5])
def test_a_prompt_is_text_or_ids(lm: hornbook.LanguageModel, method: str, prompt: Any) -> None:
    with pytest.raises(TypeError, match="the prompt must be text or ids, got "):
        getattr(lm, method)(prompt)
    with pytest.raises(ShapeError, match="ids: expected integers"):
        getattr(lm, method)(["Once"])


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_a_prompt_as_ids(lm: hornbook.LanguageModel, kind: Any) -> None:
    ids = lm.tokenizer.encode(PROMPT)
    options: dict[str, Any] = {"seed": 3, "max_new_tokens": 7}
    assert lm.complete(kind(ids), **options) == lm.complete(PROMPT, **options)
    assert lm.complete(kind([]), **options).ids == lm.complete("", **options).ids


def test_special_tokens_of_a_prompt_can_be_allowed(lm: hornbook.LanguageModel) -> None:
    text = "<|endoftext|>Once"
    allowed = lm.complete(text, seed=0, max_new_tokens=1, allowed_special={"<|endoftext|>"})
    assert allowed.prompt_ids == (0, *lm.tokenizer.encode("Once"))
    assert allowed == lm.complete(text, seed=0, max_new_tokens=1, allowed_special="all")


def test_special_tokens_around_and_in_the_text(folder: Path) -> None:
    """The template of a tokenizer belongs to the prompt unless it is left out, as in transformers."""
    tokenizer = hornbook.load().tokenizer
    assert isinstance(tokenizer, hornbook.Tokenizer)
    tokenizer.save(folder / "tokenizer.json")
    document = json.loads((folder / "tokenizer.json").read_bytes())
    sequence = {"Sequence": {"id": "A", "type_id": 0}}
    document["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}, sequence],
        "pair": [sequence, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}},
    }
    (folder / "tokenizer.json").write_text(json.dumps(document))
    lm, ids = hornbook.load(folder), tuple(hornbook.load().tokenizer.encode(PROMPT))
    assert lm.complete(PROMPT, max_new_tokens=0).prompt_ids == (0, *ids)
    assert lm.complete(PROMPT, max_new_tokens=0, add_special_tokens=False).prompt_ids == ids
    options: dict[str, Any] = {"max_new_tokens": 60, "eos_token_ids": ()}
    completions = ((seed, lm.complete("The end.\n", seed=seed, **options)) for seed in range(300))
    options["seed"], spelled = next(pair for pair in completions if 0 in pair[1].ids)
    skipped = lm.complete("The end.\n", skip_special_tokens=True, **options)
    assert skipped.text == spelled.text.replace("<|endoftext|>", "")
    streamed = "".join(step.text for step in lm.stream("The end.\n", skip_special_tokens=True, **options))
    assert streamed == skipped.text
    assert "".join(step.text for step in lm.stream("The end.\n", **options)) == spelled.text


@pytest.mark.parametrize("method", ["generate", "stream", "complete"])
def test_arguments_are_checked_at_once(lm: hornbook.LanguageModel, method: str) -> None:
    with pytest.raises(ConfigError, match=r"^top_p: expected a number"):
        getattr(lm, method)(PROMPT, top_p=1.1)
    with pytest.raises(ConfigError, match=r"^max_length: no such option"):
        getattr(lm, method)(PROMPT, max_length=5)
    with pytest.raises(ContextLengthError, match=r"the prompt has 600 tokens, the model takes 512"):
        getattr(lm, method)(" the" * 600)


@pytest.mark.parametrize("n", [510, 511])
def test_a_long_prompt_is_continued_to_the_limit(lm: hornbook.LanguageModel, n: int) -> None:
    completion = lm.complete(" the" * n, temperature=0, eos_token_ids=())
    assert len(completion.prompt_ids) == n
    assert len(completion.ids) == 512 - n
    assert completion.finish_reason == "length"


def test_the_models_own_settings_hold_where_nothing_is_said(folder: Path) -> None:
    greedy = with_generation_config(folder, do_sample=False, max_new_tokens=7)
    assert greedy.generation_config.greedy
    assert len(greedy.complete(PROMPT).ids) == 7
    assert greedy.generate(PROMPT) == greedy.generate(PROMPT, temperature=0)
    warm = with_generation_config(folder, temperature=1.3, top_k=7)
    assert (warm.generation_config.temperature, warm.generation_config.top_k) == (1.3, 7)
    told = warm.generate(PROMPT, temperature=0.8, top_k=50, seed=3)
    assert told == hornbook.load().generate(PROMPT, seed=3)


def test_all_tokens_that_end_a_text_are_honoured(folder: Path) -> None:
    greedy = hornbook.load().complete(PROMPT, temperature=0, max_new_tokens=9)
    stop = greedy.ids[4]
    lm = with_generation_config(folder, eos_token_id=[0, stop], do_sample=False)
    completion = lm.complete(PROMPT)
    assert completion.finish_reason == "stop"
    assert completion.ids == greedy.ids[: greedy.ids.index(stop)]
    assert lm.complete(PROMPT, eos_token_ids=(), max_new_tokens=9).ids == greedy.ids


def test_without_a_generation_config_the_models_end_of_text_holds(folder: Path) -> None:
    (folder / "generation_config.json").unlink()
    stop = hornbook.load().complete(PROMPT, temperature=0, max_new_tokens=9).ids[4]
    config = json.loads((folder / "config.json").read_bytes()) | {"eos_token_id": stop}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert hornbook.load(folder).complete(PROMPT, temperature=0).finish_reason == "stop"


def test_an_unknown_setting_warns(folder: Path) -> None:
    with pytest.warns(UserWarning, match=r"generation_config\.json: num_beams=4 has no effect here"):
        with_generation_config(folder, num_beams=4)


def test_logits(lm: hornbook.LanguageModel) -> None:
    ids = lm.tokenizer.encode(PROMPT)
    logits = lm.logits(ids)
    assert logits.shape == (len(ids), 8192)
    assert logits.dtype == np.float32
    assert logits.tobytes() == lm.logits(np.array(ids)).tobytes()
    assert int(logits[-1].argmax()) == lm.complete(PROMPT, temperature=0, max_new_tokens=1).ids[0]


def test_logits_of_what_is_not_one_sequence(lm: hornbook.LanguageModel) -> None:
    wrong: list[Any] = [[[1, 2]], [8192], [-1], [0.5]]
    for ids in wrong:
        with pytest.raises(ShapeError):
            lm.logits(ids)
    with pytest.raises(ContextLengthError, match=r"513 tokens, the model takes 512"):
        lm.logits([0] * 513)
