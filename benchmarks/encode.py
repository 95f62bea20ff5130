"""How fast do sentences become vectors, beside transformers and sentence-transformers?

    python -m benchmarks.encode --peer-python PEERS/bin/python --vocab FOLDER

Tokenizing counts; with the vocabulary of GPT-2 the tokens are those of English.
"""

from collections.abc import Iterator

from benchmarks import limits
from benchmarks.harness import Benchmark, Job, Settings, parse
from benchmarks.processes import Engine
from benchmarks.subjects import Subject, sentences, subject

TOLERANCE = 1e-3
"""Between elements of vectors; they are about 1."""


def engines(model: Subject) -> tuple[Engine, list[Engine]]:
    """Ours and the peers, all in float32."""
    options = {"folder": str(model.folder)}
    return Engine("hornbook", "benchmarks.engines.ours:Sentences", options, peer=False), [
        Engine("transformers", "benchmarks.engines.torch_:Sentences", options),
        Engine("sentence-transformers", "benchmarks.engines.sentence_transformers_:Sentences", options),
    ]


def jobs(model: Subject, settings: Settings) -> Iterator[Job]:
    """One sentence alone, many short ones, many long ones."""
    for name, count, n_words in (("one sentence", 1, 9), ("short", 64, 9), ("long", 64, 60)):
        texts = sentences(3 if settings.quick and count > 1 else count, n_words)
        lengths = [len(model.tokenizer.encode(text)) for text in texts]
        yield Job(
            name=f"encode {model.name}, {name}, {n_words} words",
            call="encode",
            arguments={"sentences": texts},
            amount=len(texts),
            unit="sentences/s",
            limit=limits.encoding(model.config, lengths),
            tolerance=TOLERANCE,
        )


def main() -> None:
    """Measures every model with every kind of text."""
    settings = parse(__doc__, "encode")
    benchmark = Benchmark("encode", settings)
    for name in ("1M",) if settings.quick else ("124M", "tiny-lm"):
        model = subject(name, settings.work, settings.vocab)
        for job in jobs(model, settings):
            benchmark.compare(job, *engines(model))
    benchmark.finish()


if __name__ == "__main__":
    main()
