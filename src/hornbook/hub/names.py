"""Names of repositories and revisions, checked before they become part of a URL or of a path.

The rules are the Hub's own, so that a name that passes is one that can exist there.
"""

import re

from hornbook.errors import ConfigError

__all__ = ["COMMIT", "DEFAULT_REVISION", "check_repo_id", "check_revision"]

DEFAULT_REVISION = "main"
COMMIT = re.compile(r"[0-9a-f]{40}")

REPO_ID = re.compile(r"(?:{part}/)?{part}".format(part=r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"))
REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
MAX_REVISION = 200


def check_repo_id(repo_id: str) -> str:
    """Returns `repo_id` if a repository of the Hub can be called so: "gpt2" or "openai-community/gpt2".

    Raises:
        ConfigError: it cannot.
    """
    if not isinstance(repo_id, str) or not REPO_ID.fullmatch(repo_id):
        raise ConfigError(
            f"repository {repo_id!r:.120}: expected 'name' or 'owner/name', "
            "each of up to 96 letters, digits, '-', '_', '.'"
        )
    if "--" in repo_id or ".." in repo_id or repo_id.endswith(".git"):
        raise ConfigError(
            f"repository {repo_id!r:.120}: a name cannot contain '--' or '..' or end with '.git'"
        )
    return repo_id


def check_revision(revision: str | None) -> str:
    """Returns the branch, tag or commit, "main" for None, if it can be a name in git.

    Raises:
        ConfigError: it cannot.
    """
    if revision is None:
        return DEFAULT_REVISION
    if not isinstance(revision, str) or len(revision) > MAX_REVISION or not REVISION.fullmatch(revision):
        raise ConfigError(
            f"revision {revision!r:.120}: expected a branch, tag or commit "
            "of letters, digits, '-', '_', '.', '/'"
        )
    if ".." in revision or revision.endswith(".lock"):
        raise ConfigError(f"revision {revision!r:.120}: cannot contain '..' or end with '.lock'")
    return revision
