"""Downloads that succeed, with the real client and a Hub on loopback."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.hub.offline import find_stored

from hornbook.errors import ConfigError, DownloadError
from hornbook.hub import HubApi, cached_models, save_tensors

MakeApi = Callable[..., HubApi]
WANTED = [
    "config.json",
    "generation_config.json",
    "merges.txt",
    "model.safetensors",
    "tokenizer.json",
    "vocab.json",
]


@pytest.mark.parametrize("repo_id", ["owner/tiny", "tiny"])
def test_bundle_equals_the_published_folder(
    published: Any, make_api: MakeApi, model_folder: Path, repo_id: str
) -> None:
    bundle = make_api().download_model(repo_id)
    assert sorted(path.name for path in bundle.folder.iterdir()) == WANTED
    for name in WANTED:
        assert (bundle.folder / name).read_bytes() == (model_folder / name).read_bytes()
    for path in (bundle.config_path, bundle.vocab_path, bundle.merges_path, *bundle.weight_paths):
        assert path.is_file()
    assert bundle.load_tensors()["wte.weight"].shape == (13, 7)


def test_only_needed_files_are_asked_for(published: Any, make_api: MakeApi) -> None:
    make_api().download_model("owner/tiny")
    assert sorted(set(published.asked("GET")) - {"main"}) == WANTED
    assert sorted(published.asked("HEAD")) == WANTED
    sent = [{key.lower(): value for key, value in headers.items()} for _, _, headers in published.requests]
    assert {headers["accept-encoding"] for headers in sent[1:]} == {"identity"}


def test_second_use_makes_no_connection(published: Any, make_api: MakeApi) -> None:
    first = make_api().download_model("owner/tiny")
    before = published.connections
    assert make_api().download_model("owner/tiny").folder == first.folder
    assert make_api(offline=True).download_model("owner/tiny").folder == first.folder
    assert make_api().download_model("owner/tiny", first.folder.name).folder == first.folder
    assert published.connections == before > 0


def test_a_repository_without_tokenizer_is_settled_too(published: Any, make_api: MakeApi) -> None:
    for name in ("tokenizer.json", "vocab.json", "merges.txt", "generation_config.json"):
        del published.repositories["owner/tiny"][name]
    first = make_api().download_model("owner/tiny")
    before = published.connections
    assert make_api().download_model("owner/tiny").folder == first.folder
    assert published.connections == before


def test_awaitable_twin(published: Any, make_api: MakeApi) -> None:
    bundle = asyncio.run(make_api().download_model_async("owner/tiny"))
    assert bundle.config_path.is_file()


def test_branch_with_a_slash(published: Any, make_api: MakeApi, tmp_path: Path) -> None:
    bundle = make_api().download_model("owner/tiny", "branch/one")
    assert find_stored("owner/tiny", "branch/one", tmp_path / "cache") == bundle
    assert find_stored("owner/tiny", None, tmp_path / "cache") is None


def test_refresh_follows_the_branch_and_keeps_what_is_equal(published: Any, make_api: MakeApi) -> None:
    first = make_api().download_model("owner/tiny")
    published.commits["owner/tiny"] = "f" * 40
    published.repositories["owner/tiny"]["config.json"] = b'{"n_embd": 11}'
    assert make_api().download_model("owner/tiny").folder == first.folder
    published.requests.clear()
    second = make_api().download_model("owner/tiny", refresh=True)
    assert second.folder.name == "f" * 40
    assert second.config_path.read_bytes() == b'{"n_embd": 11}'
    assert published.asked("GET") == ["main", "config.json"]
    assert make_api().download_model("owner/tiny").folder == second.folder


def test_refresh_offline_is_refused(published: Any, make_api: MakeApi) -> None:
    with pytest.raises(ConfigError, match="refreshed offline"):
        make_api(offline=True).download_model("owner/tiny", refresh=True)


def test_shards_are_fetched_through_the_index(published: Any, make_api: MakeApi, tmp_path: Path) -> None:
    files = published.repositories["owner/tiny"]
    del files["model.safetensors"]
    halves = {"one.safetensors": np.arange(5.0), "two.safetensors": np.arange(7.0)}
    for name, array in halves.items():
        save_tensors(tmp_path / name, {name[:3]: array})
        files[name] = (tmp_path / name).read_bytes()
    files["model.safetensors.index.json"] = (
        b'{"weight_map": {"one": "one.safetensors", "two": "two.safetensors"}}'
    )
    tensors = make_api().download_model("owner/tiny").load_tensors()
    assert {name: array.shape for name, array in tensors.items()} == {"one": (5,), "two": (7,)}
    assert make_api(offline=True).download_model("owner/tiny").weight_paths


def test_cut_connection_resumes(
    published: Any, make_api: MakeApi, model_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    published.faults["model.safetensors"] = published.fault(cut_at=101)
    bundle = make_api().download_model("owner/tiny")
    assert bundle.weight_paths[0].read_bytes() == (model_folder / "model.safetensors").read_bytes()
    assert "model.safetensors: connection lost, resuming at 101" in caplog.text
    ranges = [
        headers.get("Range") for verb, path, headers in published.requests if path.endswith(".safetensors")
    ]
    assert ranges == [None, None, "bytes=101-"]


def test_cut_connection_of_a_server_without_ranges(
    published: Any, make_api: MakeApi, model_folder: Path
) -> None:
    published.faults["model.safetensors"] = published.fault(cut_at=101, ignore_range=True)
    bundle = make_api().download_model("owner/tiny")
    assert bundle.weight_paths[0].read_bytes() == (model_folder / "model.safetensors").read_bytes()


def test_end_without_length_resumes(published: Any, make_api: MakeApi, model_folder: Path) -> None:
    """A connection that is closed in order, but too early."""
    published.faults["vocab.json"] = published.fault(cut_at=3, no_length=True)
    bundle = make_api().download_model("owner/tiny")
    assert bundle.vocab_path.read_bytes() == (model_folder / "vocab.json").read_bytes()


def test_cut_after_the_last_byte_is_whole(published: Any, make_api: MakeApi) -> None:
    published.faults["vocab.json"] = published.fault(cut_at=8, extra=b"never sent")
    assert make_api().download_model("owner/tiny").vocab_path.read_bytes() == b'{"a": 0}'


def test_blob_that_is_cut_is_replaced(published: Any, make_api: MakeApi, model_folder: Path) -> None:
    bundle = make_api().download_model("owner/tiny")
    bundle.vocab_path.resolve().write_bytes(b"{")
    bundle.vocab_path.unlink()
    whole = make_api().download_model("owner/tiny").vocab_path
    assert whole.read_bytes() == (model_folder / "vocab.json").read_bytes()


def test_a_commit_is_no_ref(published: Any, make_api: MakeApi, tmp_path: Path) -> None:
    commit = make_api().download_model("owner/tiny").folder.name
    make_api().download_model("tiny", commit)
    assert (tmp_path / "cache" / "models--owner--tiny" / "refs" / "main").read_text() == commit
    assert not (tmp_path / "cache" / "models--tiny" / "refs").exists()


def test_weak_etag_is_accepted(published: Any, make_api: MakeApi) -> None:
    published.faults["config.json"] = published.fault(etag='W/"abc"')
    bundle = make_api().download_model("owner/tiny")
    assert bundle.config_path.resolve().name == "abc"


def test_change_between_description_and_content_is_tried_again(
    published: Any, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    published.faults["config.json"] = published.fault(get_etag='"other"')
    with pytest.raises(DownloadError, match=r"config\.json changed while it was downloaded"):
        make_api().download_model("owner/tiny")
    assert published.asked("GET").count("config.json") == 2
    del published.faults["config.json"]
    assert make_api().download_model("owner/tiny").config_path.is_file()


def test_token_reaches_the_hub_and_not_the_storage_it_redirects_to(published: Any, make_api: MakeApi) -> None:
    published.faults["model.safetensors"] = published.fault(redirect=True)
    key = "hf_key"
    bundle = make_api(token=key).download_model("owner/tiny")
    assert bundle.load_tensors()["ln_f.bias"].shape == (7,)
    for _, path, headers in published.requests:
        sent = {key.lower(): value for key, value in headers.items()}.get("authorization")
        assert sent == (None if path.startswith("/cdn") else f"Bearer {key}")
    assert any(path.startswith("/cdn") for _, path, _ in published.requests)


def test_the_client_finds_what_we_stored(published: Any, make_api: MakeApi, tmp_path: Path) -> None:
    """The cache is shared with all tools that use the client: it must read ours as its own."""
    from huggingface_hub import hf_hub_download, scan_cache_dir, try_to_load_from_cache

    del published.repositories["owner/tiny"]["generation_config.json"]
    bundle = make_api().download_model("owner/tiny")
    cache = tmp_path / "cache"
    found = hf_hub_download("owner/tiny", "config.json", cache_dir=cache, local_files_only=True)
    assert Path(found) == bundle.config_path
    absent = try_to_load_from_cache("owner/tiny", "generation_config.json", cache_dir=cache)
    assert absent is not None
    assert not isinstance(absent, str)
    scan = scan_cache_dir(cache)
    assert not scan.warnings
    (repo,) = scan.repos
    (ours,) = cached_models(cache)
    assert (repo.repo_id, repo.size_on_disk) == (ours.repo_id, ours.size_bytes)
    assert {revision.commit_hash for revision in repo.revisions} == {ours.commit}
    assert set(repo.refs) == {ours.revision}


def test_we_find_what_the_client_stored(published: Any, make_api: MakeApi, tmp_path: Path) -> None:
    from huggingface_hub import hf_hub_download

    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        hf_hub_download("owner/tiny", name, cache_dir=tmp_path / "cache", endpoint=published.url)
    found = find_stored("owner/tiny", cache=tmp_path / "cache")
    assert found is not None
    assert found.load_tensors()["wte.weight"].shape == (13, 7)
    published.requests.clear()
    # Online, the files that the client was not asked for are fetched, and no other.
    assert make_api().download_model("owner/tiny").vocab_path.is_file()
    assert published.asked("HEAD") == ["generation_config.json", "vocab.json", "merges.txt"]
