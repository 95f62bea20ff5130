"""How fast is a step of training, and how much memory does it take, beside PyTorch?

    python -m benchmarks.train --peer-python PEERS/bin/python

Forward, backward and AdamW on the same weights and batches, without dropout. The first twenty steps, which
also warm up, must have the same losses. Memory is that of the whole process while steps are measured.
"""

from benchmarks import limits
from benchmarks.harness import Benchmark, Job, Settings, parse
from benchmarks.processes import Engine
from benchmarks.subjects import Subject, subject

SHAPES = (("124M", 4, 64), ("124M", 4, 256), ("10M", 16, 256))
QUICK_SHAPES = (("1M", 3, 31),)
OPTIMIZER = {"lr": 3e-4, "weight_decay": 0.1}
TOLERANCE = 1e-3
"""Between losses, in nats."""


def engines(model: Subject) -> tuple[Engine, list[Engine]]:
    """Ours and PyTorch's."""
    options = {"folder": str(model.folder), **OPTIMIZER}
    return Engine("hornbook", "benchmarks.engines.ours:Training", options, peer=False), [
        Engine("torch + transformers", "benchmarks.engines.torch_:Training", options)
    ]


def training(model: Subject, n_sequences: int, length: int, settings: Settings) -> Job:
    """One step, after those whose losses are compared."""
    return Job(
        name=f"train {model.name}, {n_sequences} x {length}",
        call="train",
        warm_up={"batches": model.batches(3 if settings.quick else 20, n_sequences, length)},
        arguments={"batches": model.batches(1, n_sequences, length)},
        amount=n_sequences * length,
        unit="tokens/s",
        limit=limits.training(model.config, n_sequences, length),
        tolerance=TOLERANCE,
    )


def main() -> None:
    """Measures every shape."""
    settings = parse(__doc__, "train")
    benchmark = Benchmark("train", settings)
    for name, n_sequences, length in QUICK_SHAPES if settings.quick else SHAPES:
        model = subject(name, settings.work, settings.vocab)
        benchmark.compare(training(model, n_sequences, length, settings), *engines(model))
    benchmark.finish()


if __name__ == "__main__":
    main()
