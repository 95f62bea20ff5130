"""Hornbook: GPT-2 from first principles.

    import hornbook

    lm = hornbook.load("tiny-lm")                # or a folder, or openai-community/gpt2
    print(lm.generate("Once upon a time"))

    embedder = hornbook.Embedder("tiny-lm")
    vectors = embedder.encode(["The cat sleeps.", "A cat is resting."])

Where to read: `models/gpt2.py` is the model, `nn` its layers, `tensor` the gradients, `backend` the
operations, `tokenizer` turns text into ids, `generation` and `embedding` are what people come for.

Public names are imported when they are first used, so that each part can be had without the others.
"""

from importlib import import_module

TYPE_CHECKING = False  # importing `typing` for it would take longer than all the rest of this file
if TYPE_CHECKING:
    from typing import Any

    from hornbook import similarity
    from hornbook.embedding import Embedder, Explanation, Match, Pooling, explain
    from hornbook.errors import HornbookError
    from hornbook.generation import (
        Completion,
        Generation,
        GenerationConfig,
        LanguageModel,
        Step,
        TextGenerator,
        load,
    )
    from hornbook.hub import HubApi, ModelBundle
    from hornbook.models import GPT2, GPT2Config
    from hornbook.tensor import Tensor
    from hornbook.tokenizer import BPETokenizer, CharTokenizer, Tokenizer

__all__ = [
    "GPT2",
    "BPETokenizer",
    "CharTokenizer",
    "Completion",
    "Embedder",
    "Explanation",
    "GPT2Config",
    "Generation",
    "GenerationConfig",
    "HornbookError",
    "HubApi",
    "LanguageModel",
    "Match",
    "ModelBundle",
    "Pooling",
    "Step",
    "Tensor",
    "TextGenerator",
    "Tokenizer",
    "__version__",
    "explain",
    "load",
    "similarity",
]

__version__ = "0.1.0"

HOMES = {
    "embedding": ("Embedder", "Explanation", "Match", "Pooling", "explain"),
    "errors": ("HornbookError",),
    "generation": (
        "Completion",
        "Generation",
        "GenerationConfig",
        "LanguageModel",
        "Step",
        "TextGenerator",
        "load",
    ),
    "hub": ("HubApi", "ModelBundle"),
    "models": ("GPT2", "GPT2Config"),
    "tensor": ("Tensor",),
    "tokenizer": ("BPETokenizer", "CharTokenizer", "Tokenizer"),
}


def __getattr__(name: str) -> "Any":
    """Imports a public name, or a part of the package, at its first use."""
    if name == "similarity":
        return import_module("hornbook.similarity")
    for part, names in HOMES.items():
        if name in names:
            value = getattr(import_module(f"hornbook.{part}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'hornbook' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
