"""From a name to a folder: the one file that knows built-in models, local folders and the Hub."""

from contextlib import suppress
from pathlib import Path

from hornbook.builtin import BUILTIN_MODELS, builtin_folder
from hornbook.errors import ConfigError
from hornbook.hub import HubApi, ModelBundle

__all__ = ["find_model"]


def find_model(
    name_or_folder: str | Path, *, revision: str | None = None, tokenizer_only: bool = False
) -> ModelBundle:
    """The files of a model: a local folder, else a built-in model, else a repository of the Hub.

    A repository is downloaded at its first use and taken from the cache from then on.

    Args:
        name_or_folder: for example `tiny-lm`, `./my-model` or `openai-community/gpt2`.
        revision: branch, tag or commit of a repository.
        tokenizer_only: bring only the files of its tokenizer, where a repository is not stored yet; and look
            for no config.json.

    Raises:
        ModelFormatError: the folder is not a model's.
        ConfigError: the name can be none of these, or a revision of something that has none.
        DownloadError: the repository is not cached and cannot be downloaded.
    """
    name = str(name_or_folder)
    folder = _local_folder(name_or_folder)
    if folder is None and name in BUILTIN_MODELS:
        folder = builtin_folder(name)
    if folder is None:
        hub = HubApi()
        return (hub.download_tokenizer if tokenizer_only else hub.download_model)(name, revision)
    if revision is not None:
        raise ConfigError(f"revision: only repositories of the Hub have revisions, {name} is none")
    if tokenizer_only and folder.is_dir():
        return ModelBundle(folder)
    return ModelBundle.from_folder(folder)


def _local_folder(name_or_folder: str | Path) -> Path | None:
    """The path that is meant, whether or not it exists; None for a name that is no path."""
    path = Path(name_or_folder)
    if path.parts[:1] and path.parts[0].startswith("~"):
        with suppress(RuntimeError):  # there is no such user
            path = path.expanduser()
    if isinstance(name_or_folder, Path) or name_or_folder.startswith(("/", "./", "../", "~")):
        return path
    return path if name_or_folder and _is_folder(path) else None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # too long, or with characters that no path can have
        return False
