"""`hornbook generate` prints what the library generates, and nothing else on stdout."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import hornbook

Cli: TypeAlias = Callable[..., Any]

PROMPT = "Once upon a time"


def test_prints_prompt_and_continuation(cli: Cli, lm: hornbook.LanguageModel) -> None:
    ended = cli("generate", "--seed", "3", "-n", "7", PROMPT)
    assert ended.code == 0
    assert ended.out == PROMPT + lm.generate(PROMPT, seed=3, max_new_tokens=7) + "\n"


def test_no_echo_prints_the_continuation_only(cli: Cli, lm: hornbook.LanguageModel) -> None:
    ended = cli("generate", "--seed", "3", "-n", "7", "--no-echo", PROMPT)
    assert ended.out == lm.generate(PROMPT, seed=3, max_new_tokens=7) + "\n"


@pytest.mark.parametrize(
    ("stdin", "prompt"),
    [
        (b"The cat", "The cat"),
        (b"The cat\n", "The cat"),
        (b"The cat\r\n", "The cat"),
        (b"The cat\r", "The cat\r"),
        (b"The\ncat\n\n", "The\ncat\n"),
        (b"\xef\xbb\xbfThe cat", "The cat"),
        (b"", ""),
    ],
)
def test_prompt_from_stdin_loses_one_line_end(cli: Cli, stdin: bytes, prompt: str) -> None:
    assert cli("generate", "--seed", "3", "-n", "2", "--json", "-", stdin=stdin).json["prompt"] == prompt


def test_prompt_that_is_not_utf8_is_refused(cli: Cli) -> None:
    ended = cli("generate", "-", stdin=b"one\ntwo \xff\n")
    assert (ended.code, ended.stdout) == (3, b"")
    assert ended.err == "error: stdin: line 2 is not UTF-8; convert the file first\n"


def test_without_a_prompt_a_text_begins(cli: Cli, lm: hornbook.LanguageModel) -> None:
    expected = lm.generate("", seed=5, max_new_tokens=5) + "\n"
    assert cli("generate", "--seed", "5", "-n", "5").out == expected
    assert cli("generate", "--seed", "5", "-n", "5", "").out == expected


def test_the_seed_that_is_told_repeats_the_text(cli: Cli) -> None:
    first, other = cli("generate", "-n", "23", PROMPT), cli("generate", "-n", "23", PROMPT)
    assert first.out != other.out
    seed = re.search(r"seed (\d+)", first.err)
    assert seed is not None
    assert cli("generate", "-n", "23", "--seed", seed[1], PROMPT).out == first.out


def test_json_has_all_of_the_completion(cli: Cli, lm: hornbook.LanguageModel) -> None:
    completion = lm.complete(PROMPT, seed=3, max_new_tokens=7)
    assert cli("generate", "--seed", "3", "-n", "7", "--json", PROMPT).json == {
        "model": "tiny-lm",
        "seed": 3,
        "prompt": PROMPT,
        "text": completion.text,
        "prompt_ids": list(completion.prompt_ids),
        "ids": list(completion.ids),
        "finish_reason": "length",
    }


def test_every_option_reaches_the_library(cli: Cli, lm: hornbook.LanguageModel) -> None:
    options: dict[str, Any] = {
        "max_new_tokens": 19,
        "temperature": 1.7,
        "top_k": 71,
        "top_p": 0.93,
        "min_p": 0.01,
        "repetition_penalty": 1.3,
        "seed": 11,
    }
    words = [word for name, value in options.items() for word in ("--" + name.replace("_", "-"), str(value))]
    assert cli("generate", "--no-echo", *words, PROMPT).out == lm.generate(PROMPT, **options) + "\n"


def test_options_from_the_environment(
    cli: Cli, lm: hornbook.LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HORNBOOK_GENERATE_TEMPERATURE", "0")
    monkeypatch.setenv("HORNBOOK_GENERATE_MAX_NEW_TOKENS", "5")
    expected = PROMPT + lm.generate(PROMPT, temperature=0, max_new_tokens=5) + "\n"
    assert cli("generate", PROMPT).out == expected
    monkeypatch.setenv("HORNBOOK_GENERATE_TEMPERATURE", "warm")
    ended = cli("generate", PROMPT)
    assert ended.code == 2
    assert ended.err.startswith(
        "error: Invalid value for HORNBOOK_GENERATE_TEMPERATURE: 'warm' is not a valid number; "
    )


@pytest.mark.parametrize(
    "words", [("--ids", "337 1205"), ("--ids", "[337, 1205]"), ("--ids", "-"), ("--ids",)]
)
def test_ids_are_a_prompt(cli: Cli, lm: hornbook.LanguageModel, words: tuple[str, ...]) -> None:
    stdin = b"337 1205\n" if len(words) == 1 or words[1] == "-" else None
    expected = "The cat" + lm.generate([337, 1205], seed=3, max_new_tokens=5)
    assert cli("generate", "--seed", "3", "-n", "5", *words, stdin=stdin).out == expected + "\n"
    printed = cli("generate", "--seed", "3", "-n", "5", "--json", *words, stdin=stdin).json
    assert (printed["prompt_ids"], printed["prompt"] + printed["text"]) == ([337, 1205], expected)
    assert cli("generate", "--ids", "The cat").code == 2
    assert cli("generate", "--ids", "8192").code == 3


def test_special_tokens_of_a_prompt(cli: Cli) -> None:
    text = "a<|endoftext|>"
    parsed = cli("generate", "--json", "-n", "0", "--special", "parse", text).json
    assert parsed["prompt_ids"] == [65, 0]
    assert len(cli("generate", "--json", "-n", "0", text).json["prompt_ids"]) > 2


def test_special_tokens_around_a_prompt_and_in_its_continuation(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    stream = hornbook.LanguageModel.stream

    def watched(self: hornbook.LanguageModel, prompt: Any, **options: Any) -> Any:
        asked.append(options)
        return stream(self, prompt, **options)

    monkeypatch.setattr(hornbook.LanguageModel, "stream", watched)
    for words in ((), ("--no-add-special",), ("--add-special", "--skip-special")):
        assert cli("generate", "-n", "1", *words, "x").code == 0
    assert [options["add_special_tokens"] for options in asked] == [None, False, True]
    assert [options["skip_special_tokens"] for options in asked] == [False, False, True]


def test_one_token_is_not_told_as_several(cli: Cli) -> None:
    assert " 1 token in " in " " + cli("generate", "-n", "1", PROMPT).err.splitlines()[-1]


def test_notices_tell_model_seed_tokens_and_ending(cli: Cli) -> None:
    first, last = cli("generate", "--seed", "3", "-n", "7", PROMPT).err.splitlines()
    assert first == "tiny-lm: 5,387,776 parameters, seed 3"
    assert re.fullmatch(r"7 tokens in \d+\.\d s \(\d+/s\); stopped at --max-new-tokens", last)


def test_notice_at_the_end_of_a_text(cli: Cli, lm: hornbook.LanguageModel) -> None:
    prompt = "The end.\n"
    seeds = (s for s in range(300) if lm.complete(prompt, seed=s, max_new_tokens=3).finish_reason == "stop")
    ended = cli("generate", "--seed", str(next(seeds)), "-n", "3", prompt)
    assert ended.err.endswith("; the model ended the text\n")


def test_notice_at_the_limit_of_the_model(cli: Cli) -> None:
    ended = cli("generate", "--temperature", "0", "-", stdin=b" the" * 509)
    assert ended.err.splitlines()[-1].startswith("3 tokens in ")
    assert ended.err.endswith("; stopped at the model's limit of 512 tokens\n")


def test_quiet_says_nothing(cli: Cli) -> None:
    assert cli("generate", "-q", "-n", "2", PROMPT).err == ""
    assert cli("generate", "--quiet", "-n", "2", "--json", PROMPT).err == ""


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("temperature", "-1"),
        ("temperature", "nan"),
        ("temperature", "inf"),
        ("top-k", "-1"),
        ("top-p", "1.5"),
        ("min-p", "-0.1"),
        ("repetition-penalty", "0"),
        ("max-new-tokens", "-1"),
        ("seed", "-1"),
        ("seed", str(2**64)),
    ],
)
def test_a_wrong_option_is_told_before_a_model_is_looked_for(cli: Cli, option: str, value: str) -> None:
    ended = cli("generate", "-m", "./nowhere", f"--{option}", value, PROMPT)
    assert (ended.code, ended.stdout) == (2, b"")
    assert ended.err.startswith("error: Invalid value for ")
    assert f"'--{option}': " in ended.err


def test_prompt_longer_than_the_model_takes(cli: Cli) -> None:
    ended = cli("generate", "-q", "-", stdin=b" the" * 523)
    assert (ended.code, ended.stdout) == (3, b"")
    assert re.search(r"\b523\b.*\b512\b", ended.err)


def test_pieces_are_printed_as_they_come(
    cli: Cli,
    lm: hornbook.LanguageModel,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    printed = []

    def watched(*_: object, **__: object) -> Iterator[hornbook.Step]:
        for token_id, text in enumerate([" a", " b", " c"]):
            yield hornbook.Step(token_id, text)
            printed.append(capsysbinary.readouterr().out)
        yield hornbook.Step(None, finish_reason="length")

    monkeypatch.setattr(hornbook.LanguageModel, "stream", watched)
    assert cli("generate", "-q", "x").stdout == b"\n"
    assert printed == [b"x a", b" b", b" c"]


def test_a_damaged_model_ends_the_line_before_the_error(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Iterator[hornbook.Step]:
        yield hornbook.Step(337, "The")
        raise hornbook.errors.ModelFormatError("not finite")

    monkeypatch.setattr(hornbook.LanguageModel, "stream", broken)
    ended = cli("generate", "-q", "x")
    assert (ended.code, ended.out, ended.err) == (3, "xThe\n", "error: not finite\n")


def test_escape_sequences_of_a_prompt_stay(cli: Cli) -> None:
    assert cli("generate", "-q", "-n", "0", "\x1b[31mred").out == "\x1b[31mred\n"


def test_what_generation_config_cannot_do_is_one_line(
    process: Cli, lm: hornbook.LanguageModel, tmp_path: Path
) -> None:
    lm.save(tmp_path)
    (tmp_path / "generation_config.json").write_text('{"num_beams": 5}')
    ended = process("generate", "-m", tmp_path, "-n", "1", "x")
    assert ended.code == 0
    warning = ended.err.splitlines()[0]
    assert warning.startswith("warning: ")
    assert "num_beams=5" in warning
    assert process("generate", "-q", "-m", tmp_path, "-n", "1", "x").err == ""
