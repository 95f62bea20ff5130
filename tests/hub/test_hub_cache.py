"""What the cache holds, told without network or client."""

from pathlib import Path

import pytest
from tests.hub.offline import find_stored

from hornbook.errors import ConfigError
from hornbook.hub import CachedModel, ModelBundle, cached_models

COMMITS = ("a" * 40, "b" * 40)


@pytest.fixture
def cache(tmp_path: Path, model_folder: Path) -> Path:
    """A cache with one whole snapshot, one that is half, and things that are no snapshots."""
    repository = tmp_path / "cache" / "models--owner--tiny"
    blobs, refs = repository / "blobs", repository / "refs"
    blobs.mkdir(parents=True)
    (refs / "branch").mkdir(parents=True)
    (refs / "main").write_text(COMMITS[0])
    (refs / "branch" / "half").write_text(COMMITS[1] + "\n")
    for commit, names in zip(COMMITS, ("*", "config.json"), strict=True):
        snapshot = repository / "snapshots" / commit
        snapshot.mkdir(parents=True)
        for path in model_folder.glob(names):
            (blobs / path.name).write_bytes(path.read_bytes())
            (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    (repository / "snapshots" / "stray").mkdir()
    (tmp_path / "cache" / "datasets--owner--set" / "snapshots" / COMMITS[0]).mkdir(parents=True)
    (tmp_path / "cache" / "version.txt").write_text("1")
    return tmp_path / "cache"


def test_listing(cache: Path, model_folder: Path) -> None:
    snapshots = cache / "models--owner--tiny" / "snapshots"
    whole = sum(path.stat().st_size for path in model_folder.iterdir())
    half = (model_folder / "config.json").stat().st_size
    assert cached_models(cache) == [
        CachedModel("owner/tiny", "main", COMMITS[0], whole, snapshots / COMMITS[0], complete=True),
        CachedModel("owner/tiny", "branch/half", COMMITS[1], half, snapshots / COMMITS[1], complete=False),
    ]


def test_listing_names_the_commit_where_no_branch_leads(cache: Path) -> None:
    (cache / "models--owner--tiny" / "refs" / "main").unlink()
    assert cached_models(cache)[0].revision == COMMITS[0]


def test_listing_prefers_main_and_counts_a_blob_once(cache: Path) -> None:
    repository = cache / "models--owner--tiny"
    (repository / "refs" / "a-name-before-main").write_text(COMMITS[0])
    before = cached_models(cache)[0]
    (before.path / "again.json").symlink_to("../../blobs/config.json")
    assert cached_models(cache)[0] == before
    assert before.revision == "main"


def test_listing_of_nothing(tmp_path: Path) -> None:
    assert cached_models(tmp_path / "absent") == []
    (tmp_path / "file").write_text("")
    assert cached_models(tmp_path / "file") == []


def test_listing_of_the_users_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    assert [model.repo_id for model in cached_models()] == ["owner/tiny", "owner/tiny"]
    assert find_stored("owner/tiny") is not None


@pytest.mark.parametrize("revision", [None, "main", COMMITS[0]])
def test_find(cache: Path, revision: str | None) -> None:
    snapshot = cache / "models--owner--tiny" / "snapshots" / COMMITS[0]
    assert find_stored("owner/tiny", revision, cache) == ModelBundle(snapshot)


@pytest.mark.parametrize(
    ("repo_id", "revision"),
    [
        ("owner/other", None),
        ("owner", None),
        ("owner/tiny", "v2"),
        ("owner/tiny", "branch"),
        ("owner/tiny", "branch/half"),
        ("owner/tiny", "c" * 40),
    ],
)
def test_find_nothing(cache: Path, repo_id: str, revision: str | None) -> None:
    assert find_stored(repo_id, revision, cache) is None


def test_find_refuses_names_that_lead_elsewhere(cache: Path) -> None:
    with pytest.raises(ConfigError):
        find_stored("../tiny", None, cache)
    with pytest.raises(ConfigError):
        find_stored("owner/tiny", "../snapshots", cache)


def test_ref_that_leads_out_of_the_cache(cache: Path, model_folder: Path) -> None:
    repository = cache / "models--owner--tiny"
    assert ModelBundle.from_folder(repository / "snapshots" / "../../../model").folder.samefile(model_folder)
    (repository / "refs" / "main").write_text("../../../model")
    assert find_stored("owner/tiny", None, cache) is None


def test_either_form_of_the_tokenizer_completes_a_model(cache: Path) -> None:
    snapshot = cache / "models--owner--tiny" / "snapshots" / COMMITS[0]
    (snapshot / "vocab.json").unlink()
    assert find_stored("owner/tiny", None, cache) is not None
    (snapshot / "tokenizer.json").unlink()
    assert find_stored("owner/tiny", None, cache) is None
    absent = cache / "models--owner--tiny" / ".no_exist" / COMMITS[0]
    absent.mkdir(parents=True)
    for name in ("vocab.json", "tokenizer.json"):
        (absent / name).touch()
    assert find_stored("owner/tiny", None, cache) is not None


def test_shards_complete_a_model_when_all_are_there(cache: Path) -> None:
    snapshot = cache / "models--owner--tiny" / "snapshots" / COMMITS[0]
    (snapshot / "model.safetensors").rename(snapshot / "one.safetensors")
    index = snapshot / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}')
    assert not cached_models(cache)[0].complete
    (snapshot / "two.safetensors").write_bytes(b"")
    assert cached_models(cache)[0].complete
    index.write_text("damaged")
    assert not cached_models(cache)[0].complete
