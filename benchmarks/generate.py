"""How fast are prompts read and tokens made, beside transformers, CTranslate2 and llama.cpp?

    python -m benchmarks.generate --peer-python PEERS/bin/python

The model of 124M parameters has random weights; all engines read the same ones. Decoding begins with one
token, so that every step is one of decoding.
"""

from collections.abc import Iterator

from benchmarks import limits
from benchmarks.harness import Benchmark, Job, Settings, parse
from benchmarks.processes import Engine
from benchmarks.subjects import Subject, subject

PEERS = {
    "float32": (("transformers", "float32"), ("CTranslate2", "float32"), ("llama.cpp", "F32")),
    "bfloat16": (("transformers", "bfloat16"), ("llama.cpp", "F16")),
    "int8": (("CTranslate2", "int8"), ("llama.cpp", "Q8_0")),
}
"""For each of our types, who holds weights in as many bytes, and what he calls them."""

TARGETS = {
    "transformers": ("benchmarks.engines.torch_:Model", ""),
    "CTranslate2": ("benchmarks.engines.ctranslate2_:Model", "benchmarks.engines.ctranslate2_:convert"),
    "llama.cpp": ("benchmarks.engines.llama_cpp_:Model", "benchmarks.engines.gguf_:convert"),
}
"""The engine, and what makes the files that it reads."""


def engines(model: Subject, dtype: str) -> tuple[Engine, list[Engine]]:
    """Ours and the peers."""
    folder = str(model.folder)
    own = {"folder": folder, "kind": dtype}
    ours = Engine(f"hornbook {dtype}", "benchmarks.engines.ours:Model", own, peer=False)
    peers = [
        Engine(
            f"{name} {kind}",
            TARGETS[name][0],
            {"folder": folder, "kind": kind},
            converter=TARGETS[name][1],
        )
        for name, kind in PEERS[dtype]
    ]
    return ours, peers


def jobs(model: Subject, dtype: str, settings: Settings) -> Iterator[Job]:
    """Decoding and reading a prompt. Only float32 gives everybody the same ids."""
    tolerance = 0 if dtype == "float32" else None
    new_tokens, prompt = (8, 31) if settings.quick else (64, min(512, model.config.n_positions - 1))
    yield Job(
        name=f"decode {model.name} {dtype}",
        call="decode",
        arguments={"ids": model.ids(1), "count": new_tokens},
        amount=new_tokens,
        unit="tokens/s",
        limit=limits.decoding(model.config, dtype, new_tokens),
        tolerance=tolerance,
    )
    yield Job(
        name=f"prefill {prompt} {model.name} {dtype}",
        call="prefill",
        arguments={"ids": model.ids(prompt)},
        amount=prompt,
        unit="tokens/s",
        limit=limits.prefill(model.config, prompt),
        tolerance=tolerance,
    )


def main() -> None:
    """Measures every model in every type."""
    settings = parse(__doc__, "generate")
    benchmark = Benchmark("generate", settings)
    for name in ("1M",) if settings.quick else ("124M", "tiny-lm"):
        model = subject(name, settings.work, settings.vocab)
        for dtype in PEERS:
            for job in jobs(model, dtype, settings):
                benchmark.compare(job, *engines(model, dtype))
    benchmark.finish()


if __name__ == "__main__":
    main()
