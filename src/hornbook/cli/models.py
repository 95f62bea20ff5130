"""`hornbook models`: what is there, what it is, and getting more."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from hornbook.builtin import BUILTIN_MODELS
from hornbook.cli.options import common_options
from hornbook.cli.output import heading, print_json, print_table

if TYPE_CHECKING:
    from hornbook import ModelBundle

__all__ = ["models"]

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
revision_option = click.option("--revision", help="Branch, tag or commit.")


@click.group()
def models() -> None:
    """List, describe and download models."""


@models.command("list")
@json_option
@common_options
def list_models(as_json: bool) -> None:
    """List built-in and downloaded models."""
    from hornbook.hub import cache_folder, cached_models

    stored = cached_models()
    if as_json:
        cached = [{**vars(model), "path": str(model.path)} for model in stored]
        print_json({"builtin": list(BUILTIN_MODELS), "cached": cached})
        return
    heading("Built in")
    print_table((name, description) for name, description in BUILTIN_MODELS.items())
    heading(f"Downloaded, in {cache_folder()}")
    if not stored:
        click.echo("  none; `hornbook models pull openai-community/gpt2` gets one")
    else:
        print_table(
            (m.repo_id, m.revision[:12], _size(m.size_bytes), "" if m.complete else "incomplete")
            for m in stored
        )


@models.command()
@click.argument("name")
@revision_option
@json_option
@common_options
def info(name: str, revision: str | None, as_json: bool) -> None:
    """Describe a built-in model, a folder or a Hub repository."""
    from hornbook.loading import find_model

    facts = _facts(find_model(name, revision=revision))
    if as_json:
        print_json(facts)
        return
    heading(name)
    print_table((key, str(value)) for key, value in facts.items() if not isinstance(value, dict))
    heading("config")
    print_table((key, str(value)) for key, value in facts["config"].items())


@models.command()
@click.argument("repository")
@revision_option
@common_options
def pull(repository: str, revision: str | None) -> None:
    """Download a model from the Hub, or bring it up to date, and print its folder."""
    from hornbook.hub import HubApi

    click.echo(HubApi().download_model(repository, revision, refresh=True).folder)


def _facts(bundle: "ModelBundle") -> dict[str, Any]:
    from hornbook.loading import read_config

    config = read_config(bundle)
    types = Counter(spec.dtype for spec in bundle.tensor_specs().values())
    return {
        "folder": str(bundle.folder),
        "parameters": config.num_parameters,
        "size_bytes": sum(path.stat().st_size for path in bundle.weight_paths),
        "dtype": ", ".join(types),
        "files": ", ".join(sorted(path.name for path in bundle.folder.iterdir())),
        "config": config.to_dict(),
    }


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"
