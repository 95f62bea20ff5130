"""`hornbook models`: which models are stored here, what they are, and how to get more."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hornbook.builtin import BUILTIN_MODELS
from hornbook.cli.layout import print_json, print_table
from hornbook.cli.options import common_options, json_option, note_model, revision_option
from hornbook.cli.output import heading, notice
from hornbook.cli.parameters import Command, Group
from hornbook.cli.problems import naming

if TYPE_CHECKING:
    from hornbook import ModelBundle

__all__ = ["models"]


@click.group(cls=Group)
def models() -> None:
    """List, describe and download models."""


@models.command("list", cls=Command, short_help="List the models that are stored here.")
@json_option("the models")
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
    print_table(list(BUILTIN_MODELS.items()), wrap=True)
    heading(f"Downloaded, in {cache_folder()}")
    if not stored:
        click.echo("  none; `hornbook models pull openai-community/gpt2` gets one")
    else:
        print_table(
            [
                (m.repo_id, m.revision[:12], _size(m.size_bytes), "" if m.complete else "incomplete")
                for m in stored
            ],
            right={2},
        )


@models.command(cls=Command, short_help="Describe a model.")
@click.argument("name", callback=note_model)
@revision_option
@json_option("the description")
@common_options
def info(name: str, revision: str | None, as_json: bool) -> None:
    """Describe the model NAME: a built-in model, a folder, or a Hub repository.

    A repository is downloaded first if it is not stored yet.
    """
    from hornbook.loading import find_model

    facts = _facts(find_model(name, revision=revision))
    if as_json:
        print_json(facts)
        return
    heading(name)
    print_table(
        [
            ("folder", facts["folder"]),
            ("files", ", ".join(facts["files"])),
            ("parameters", f"{facts['parameters']:,}"),
            ("weights", f"{_size(facts['size_bytes'])} of {', '.join(facts['dtypes'])}"),
        ],
        wrap=True,
    )
    heading("config.json")
    print_table([(key, json.dumps(value)) for key, value in facts["config"].items()])


@models.command(cls=Command, short_help="Download a model, or bring it up to date.")
@click.argument("repository")
@revision_option
@common_options
def pull(repository: str, revision: str | None) -> None:
    """Download REPOSITORY from the Hub, or bring it up to date, and print its folder.

    With --offline it is only looked up.

    \b
    Example:
      hornbook models pull openai-community/gpt2
    """
    from hornbook import HubApi
    from hornbook.builtin import builtin_folder
    from hornbook.hub import cache_folder

    if repository in BUILTIN_MODELS and revision is None:
        notice(f"{repository} is built in; nothing needs to be downloaded")
        click.echo(builtin_folder(repository))
        return
    hub = HubApi()
    with naming(f"the cache, {cache_folder()}"):
        folder = hub.download_model(repository, revision, refresh=not hub.offline).folder
    click.echo(folder)


@models.command(cls=Command, short_help="Convert a checkpoint of another program.")
@click.argument("source", type=click.Path(exists=True, readable=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace the model that FOLDER has.")
@common_options
def convert(source: Path, folder: Path, force: bool) -> None:
    """Write a model folder with safetensors to FOLDER from the checkpoint SOURCE, and print the folder.

    \b
    SOURCE is
      a .bin or .pt file of PyTorch; nothing in it is executed
      a checkpoint of nanoGPT, whose matrices are transposed
      a model of llm.c
      a folder with pytorch_model.bin, and config.json

    \b
    Example:
      hornbook models convert out/ckpt.pt my-model
    """
    from hornbook.hub.folder import CONFIG
    from hornbook.loading import convert_model

    if (folder / CONFIG).exists() and not force:
        raise click.UsageError(f"{folder} has a model; --force replaces it")
    with naming(f"converting {source}"):
        model = convert_model(source, folder)
    notice(f"{folder}: {model.config.num_parameters:,} parameters")
    click.echo(folder)


def _facts(bundle: "ModelBundle") -> dict[str, Any]:
    from hornbook.loading import read_config

    config = read_config(bundle)
    return {
        "folder": str(bundle.folder),
        "files": sorted(path.name for path in bundle.folder.iterdir()),
        "parameters": config.num_parameters,
        "size_bytes": sum(path.stat().st_size for path in bundle.weight_paths),
        "dtypes": sorted({spec.dtype for spec in bundle.tensor_specs().values()}),
        "config": config.to_dict(),
    }


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"
