"""`hornbook doctor`: what is installed here, and what it will use."""

import platform
from typing import Any

import click

from hornbook.builtin import BUILTIN_MODELS
from hornbook.cli.options import common_options
from hornbook.cli.output import heading, print_json, print_table

__all__ = ["doctor"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_options
def doctor(as_json: bool) -> None:
    """Show version, backend, processor, threads, cache folder and built-in models."""
    facts = _facts()
    if as_json:
        print_json(facts)
    else:
        heading(f"hornbook {facts['hornbook']}")
        print_table((key, _plain(value)) for key, value in facts.items() if key != "hornbook")


def _facts() -> dict[str, Any]:
    import numpy as np

    import hornbook
    from hornbook.backend import available_backends, cpu_features, get_backend, usable_threads
    from hornbook.hub import cache_folder, offline_from_environment

    return {
        "hornbook": hornbook.__version__,
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "numpy": np.__version__,
        "backend": get_backend().name,
        "backends": available_backends(),
        "cpu features": cpu_features(),
        "threads": usable_threads(),
        "cache folder": str(cache_folder()),
        "offline": offline_from_environment(),
        "built-in models": list(BUILTIN_MODELS),
    }


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (", ".join(value) or "unknown") if isinstance(value, list) else str(value)
