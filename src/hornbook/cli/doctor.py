"""`hornbook doctor`: what is installed here, and what it will use."""

import platform
from typing import Any

import click

from hornbook.builtin import BUILTIN_MODELS
from hornbook.cli.layout import print_json, print_table
from hornbook.cli.options import common_options, json_option
from hornbook.cli.output import heading
from hornbook.cli.parameters import Command

__all__ = ["doctor"]


@click.command(cls=Command, short_help="Show what is installed here and what it will use.")
@json_option("all of it")
@common_options
def doctor(as_json: bool) -> None:
    """Show version, backend, processor, threads, cache folder and built-in models.

    Where the compiled kernels cannot be used, it says why.
    """
    facts = _facts()
    if as_json:
        print_json(facts)
        return
    heading(f"hornbook {facts.pop('hornbook')}")
    print_table([(key.replace("_", " "), _plain(value)) for key, value in facts.items()], wrap=True)


def _facts() -> dict[str, Any]:
    import numpy as np

    import hornbook
    from hornbook.backend import available_backends, get_backend, kernel_problem
    from hornbook.hub import cache_folder, offline_from_environment
    from hornbook.machine import cpu_features, usable_threads

    problem = kernel_problem()
    return {
        "hornbook": hornbook.__version__,
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "numpy": np.__version__,
        "backend": get_backend().name,
        "backends": available_backends(),
        "computes_with": get_backend().describe(),
        "cpu_features": cpu_features(),
        "threads": usable_threads(),
        "cache_folder": str(cache_folder()),
        "offline": offline_from_environment(),
        "builtin_models": list(BUILTIN_MODELS),
        **({} if problem is None else {"kernels": problem}),
    }


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (", ".join(value) or "unknown") if isinstance(value, list) else str(value)
