"""The models inside the package, so that everything works without a network."""

from pathlib import Path

__all__ = ["BUILTIN_MODELS", "DEFAULT_EMBEDDING_MODEL", "DEFAULT_LANGUAGE_MODEL", "builtin_folder"]

BUILTIN_MODELS = {"tiny-lm": "a small GPT-2 that tells stories in plain English, 5.4 million parameters"}

DEFAULT_LANGUAGE_MODEL = "tiny-lm"
DEFAULT_EMBEDDING_MODEL = "tiny-lm"


def builtin_folder(name: str) -> Path:
    """The folder with the files of a built-in model; `name` is a key of BUILTIN_MODELS."""
    return Path(__file__).parent / name
