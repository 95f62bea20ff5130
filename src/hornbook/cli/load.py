"""Models for commands. Settings are checked first, so that a wrong one is not blamed on a model's files."""

import os
from typing import TYPE_CHECKING

import click

from hornbook.cli.options import Settings
from hornbook.cli.output import notice
from hornbook.cli.problems import naming

if TYPE_CHECKING:
    from hornbook import Embedder, Explanation, LanguageModel

__all__ = ["check_settings", "explain_text", "load_embedder", "load_language_model"]


def load_language_model(name: str, dtype: str, revision: str | None) -> "LanguageModel":
    """`hornbook.load`, with memory errors that name the model."""
    import hornbook

    check_settings()
    with naming(f"loading {name}"):
        return hornbook.load(name, dtype=dtype, revision=revision, allow_nonfinite=_allow_nonfinite())


def load_embedder(name: str, dtype: str, revision: str | None) -> "Embedder":
    """`hornbook.Embedder`, with a notice of what it is, and memory errors that name the model."""
    from hornbook import Embedder

    check_settings()
    with naming(f"loading {name}"):
        embedder = Embedder(name, dtype=dtype, revision=revision, allow_nonfinite=_allow_nonfinite())
    notice(f"{name}: {embedder.config.num_parameters:,} parameters, {embedder.dimensions} dimensions")
    return embedder


def explain_text(text: str, name: str, revision: str | None) -> "Explanation":
    """`hornbook.explain`, with memory errors that name the model."""
    import hornbook

    check_settings()
    with naming(f"explaining a text with {name}"):
        return hornbook.explain(text, name, revision=revision, allow_nonfinite=_allow_nonfinite())


def _allow_nonfinite() -> bool:
    return click.get_current_context().ensure_object(Settings).allow_nonfinite


def check_settings() -> None:
    """Checks the environment variables that say how to compute, and warns if the kernels are missing.

    Raises:
        ConfigError: HORNBOOK_BACKEND, HORNBOOK_ISA or HORNBOOK_NUM_THREADS is none that works here.
    """
    from hornbook.backend import get_backend, kernel_problem
    from hornbook.machine import usable_threads

    usable_threads()
    get_backend().describe()
    problem = kernel_problem()
    if problem is not None and problem.startswith("not built") and not os.environ.get("HORNBOOK_BACKEND"):
        notice(f"warning: NumPy computes, slower: the kernels are {problem}")
