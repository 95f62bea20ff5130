"""How long does it take until something happens: importing, the command line, loading a model?

    python -m benchmarks.startup --peer-python PEERS/bin/python

Commands are whole processes, from their start to their end. Files are in the system's cache.
"""

from benchmarks.generate import PEERS, engines
from benchmarks.harness import Benchmark, Job, Settings, parse
from benchmarks.processes import Engine
from benchmarks.subjects import Subject, subject

IMPORTS = ("numpy", "torch", "transformers")
OURS = {
    "import hornbook": ["-c", "import hornbook"],
    "import all of hornbook": ["-c", "from hornbook import Embedder, load"],
    "hornbook --help": ["-m", "hornbook", "--help"],
}
GENERATE = """
import sys, torch
from transformers import AutoTokenizer, GPT2LMHeadModel
model, tokenizer = GPT2LMHeadModel.from_pretrained(sys.argv[1]), AutoTokenizer.from_pretrained(sys.argv[1])
ids = tokenizer("Once upon a time", return_tensors="pt").input_ids
print(tokenizer.decode(model.generate(ids, max_new_tokens=1, do_sample=False)[0]))
"""


def command(name: str, arguments: list[str], *, peer: bool) -> Engine:
    """A command line as an engine."""
    return Engine(name, "benchmarks.engines.commands:Command", {"arguments": arguments}, peer=peer)


def process(name: str) -> Job:
    """Running a command line from its start to its end."""
    return Job(name=name, call="run", memory=False)


def measure_commands(benchmark: Benchmark, model: Subject) -> None:
    """Our commands beside the imports that the others begin with, and the first token of both."""
    imports = [command(f"import {name}", ["-c", f"import {name}"], peer=name != "numpy") for name in IMPORTS]
    for name, arguments in OURS.items():
        benchmark.compare(process(name), command(name, arguments, peer=False), imports)
    arguments = ["-m", "hornbook", "generate", "-m", str(model.folder), "-n1", "--temperature=0", "-q"]
    benchmark.compare(
        process(f"first token of {model.name}"),
        command("hornbook generate", [*arguments, "Once upon a time"], peer=False),
        [command("transformers", ["-c", GENERATE, str(model.folder)], peer=True)],
    )


def measure_loading(benchmark: Benchmark, model: Subject) -> None:
    """A folder becomes a model. Others only map a file; its weights are read when they are first used."""
    for dtype in PEERS:
        job = Job(name=f"load {model.name} {dtype}", call="load", memory=False)
        benchmark.compare(job, *engines(model, dtype))


def models(settings: Settings) -> list[Subject]:
    """A small and a large one."""
    names = ("1M", "1M") if settings.quick else ("tiny-lm", "124M")
    return [subject(name, settings.work, settings.vocab) for name in names]


def main() -> None:
    """Measures commands and loading."""
    settings = parse(__doc__, "startup")
    benchmark = Benchmark("startup", settings)
    small, large = models(settings)
    measure_commands(benchmark, small)
    measure_loading(benchmark, large)
    benchmark.finish()


if __name__ == "__main__":
    main()
