"""The public names, exactly, and that each is documented."""

import inspect

import pytest

import hornbook
from hornbook import backend, cli, embedding, generation, hub, models, nn, tensor, tokenizer

PUBLIC = [
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


def test_public_names() -> None:
    assert hornbook.__all__ == PUBLIC


@pytest.mark.parametrize(
    "module",
    [hornbook, backend, embedding, generation, hub, models, nn, tensor, tokenizer, cli],
    ids=lambda module: module.__name__,
)
def test_public_names_exist_and_are_documented(module: object) -> None:
    assert inspect.getdoc(module)
    for name in getattr(module, "__all__", []):
        value = getattr(module, name)
        named = inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value)
        assert not named or inspect.getdoc(value), f"{name} has no docstring"


def test_the_version_is_the_installed_one() -> None:
    from importlib.metadata import version

    assert hornbook.__version__ == version("hornbook")
