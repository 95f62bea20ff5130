"""`hornbook bench` prints what the library measures; how it measures is held in tests/generation."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import hornbook
from hornbook.backend import get_backend
from hornbook.generation import measure
from hornbook.generation.measure import Speed
from hornbook.machine import usable_threads

Cli: TypeAlias = Callable[..., Any]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Speeds that are known, and what was asked for."""
    asked: dict[str, Any] = {}

    def record(name: str, speed: Speed) -> None:
        def measured(subject: Any, *, budget_s: float) -> Speed:
            asked[name] = subject, budget_s
            return speed

        monkeypatch.setattr(measure, name, measured)

    record("measure_prefill", Speed(511, 0.007))
    record("measure_decoding", Speed(1, 0.0125))
    record("measure_encoding", Speed(32, 0.01))
    return asked


def test_prints_a_line_for_each_number(cli: Cli, told: dict[str, Any]) -> None:
    ended = cli("bench")
    assert ended.code == 0
    title, load, weights, *speeds = ended.lines
    threads = usable_threads()
    name = get_backend().name
    assert title == f"tiny-lm: 5,387,776 parameters in float32, {name} backend, {threads} threads"
    assert [load.split()[0], load.split()[2]] == ["load", "s"]
    assert weights.split() == ["weights", "21.6", "MB"]
    assert [" ".join(line.split()) for line in speeds] == [
        "prefill 73,000 tokens/s, 511 at a time",
        "decode 80.0 tokens/s",
        "encode 3,200 sentences/s",
    ]


def test_json(cli: Cli, told: dict[str, Any], lm: hornbook.LanguageModel) -> None:
    value = cli("bench", "--json").json
    assert 0 < value.pop("load_s") < 10
    assert value == {
        "model": "tiny-lm",
        "dtype": "float32",
        "backend": get_backend().name,
        "threads": usable_threads(),
        "parameters": lm.config.num_parameters,
        "weights_bytes": lm.model.weights_bytes(),
        "prefill_tokens": 511,
        "prefill_tokens_per_s": 511 / 0.007,
        "decode_tokens_per_s": 80.0,
        "encode_sentences_per_s": 3200.0,
    }


def test_options_reach_what_is_measured(cli: Cli, told: dict[str, Any], tmp_path: Path) -> None:
    hornbook.load("tiny-lm").save(tmp_path)
    value = cli("bench", "--json", "-m", tmp_path, "--dtype", "int8", "--seconds", "0.25").json
    assert (value["model"], value["dtype"]) == (str(tmp_path), "int8")
    assert [budget_s for _, budget_s in told.values()] == [0.25] * 3
    model = told["measure_prefill"][0]
    assert model is told["measure_decoding"][0]
    assert value["weights_bytes"] == hornbook.load("tiny-lm", "int8").model.weights_bytes()
    embedder = told["measure_encoding"][0].__self__
    expected = hornbook.Embedder("tiny-lm", dtype="int8").encode("The cat sleeps.")
    assert (embedder.encode("The cat sleeps.") == expected).all()


def test_measures_in_earnest(cli: Cli) -> None:
    value = cli("bench", "--json", "--seconds", "0").json
    names = [name for name in value if name.endswith("_per_s")]
    assert names == ["prefill_tokens_per_s", "decode_tokens_per_s", "encode_sentences_per_s"]
    assert all(value[name] > 1 for name in names)


def test_download_does_not_count(cli: Cli, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    load, find = hornbook.load, hornbook.loading.find_model

    def recorded(name: str, function: Any) -> Any:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            order.append(name)
            return function(*arguments, **options)

        return wrapper

    monkeypatch.setattr(hornbook.loading, "find_model", recorded("find", find))
    monkeypatch.setattr(hornbook, "load", recorded("load", load))
    assert cli("bench").code == 0
    assert order[:2] == ["find", "load"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("-m", "./nowhere"), 3),
        (("--seconds", "-1"), 2),
        (("--seconds", "inf"), 2),
        (("--dtype", "int3"), 2),
        (("extra",), 2),
    ],
)
def test_errors(cli: Cli, arguments: tuple[str, ...], code: int) -> None:
    ended = cli("bench", *arguments)
    assert (ended.code, ended.stdout) == (code, b"")
    assert len(ended.err.splitlines()) == 1


def test_a_model_without_a_tokenizer_is_refused_first(
    cli: Cli, told: dict[str, Any], lm: hornbook.LanguageModel, tmp_path: Path
) -> None:
    lm.save(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    ended = cli("bench", "-m", tmp_path)
    assert (ended.code, ended.stdout) == (3, b"")
    assert told == {}


def test_progress_goes_to_a_terminal_only(cli: Cli, told: dict[str, Any]) -> None:
    assert cli("bench").err == ""


def test_each_number_is_a_step_of_the_progress(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from hornbook.cli import bench

    steps: list[int] = []

    def counted(items: Iterator[Any], *, total: int, **_: Any) -> Iterator[Any]:
        values = list(items)
        steps.extend((len(values), total))
        return iter(values)

    monkeypatch.setattr("hornbook.cli.bench.track", counted)
    assert cli("bench", "--seconds", "0").code == 0
    assert steps == [bench.N_MEASUREMENTS] * 2
