"""Downloads that fail: one line that says what to do, and a cache that is as it was."""

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hornbook.errors import ConfigError, DownloadError, IntegrityError, ModelFormatError, NotCachedError
from hornbook.hub import HubApi

MakeApi = Callable[..., HubApi]


def stored_files(cache: Path) -> list[str]:
    """Everything in the cache that is not a mark or a folder."""
    return sorted(
        path.name for path in cache.rglob("*") if not path.is_dir() and ".no_exist" not in path.parts
    )


@pytest.mark.parametrize(
    ("name", "status", "code", "message"),
    [
        ("api", 401, "", r"owner/tiny: not found or not allowed \(401\); check the name, or set HF_TOKEN"),
        ("api", 401, "RepoNotFound", r"not found or not allowed \(401\)"),
        (
            "api",
            403,
            "GatedRepo",
            r"owner/tiny: gated \(403\); accept its terms at http.*/owner/tiny and set",
        ),
        ("api", 403, "", r"owner/tiny: access to revision main forbidden \(403\)"),
        ("api", 404, "RepoNotFound", r"owner/tiny: no such repository \(404\)"),
        ("api", 404, "RevisionNotFound", r"owner/tiny: no revision main \(404\); is --revision right"),
        ("api", 429, "", r"owner/tiny: the Hub answered 429 for revision main"),
        ("api", 503, "", r"owner/tiny: the Hub answered 503 for revision main"),
        ("config.json", 401, "", r"owner/tiny: not found or not allowed \(401\)"),
        ("model.safetensors", 403, "GatedRepo", r"owner/tiny: gated \(403\)"),
        ("model.safetensors", 404, "EntryNotFound", r"owner/tiny: no file model\.safetensors \(404\)"),
        ("model.safetensors", 500, "", r"owner/tiny: the Hub answered 500 for model\.safetensors"),
    ],
)
def test_refusals_are_told_apart_and_not_repeated(
    published: Any, make_api: MakeApi, name: str, status: int, code: str, message: str
) -> None:
    published.faults[name] = published.fault(status=status, code=code)
    with pytest.raises(DownloadError, match=message) as caught:
        make_api().download_model("owner/tiny")
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    asked = [path for _, path, _ in published.requests if path.endswith(name) or name == "api"]
    assert len(asked) == 1


def test_unknown_repository_and_revision(published: Any, make_api: MakeApi) -> None:
    with pytest.raises(DownloadError, match=r"owner/other: no such repository \(404\)"):
        make_api().download_model("owner/other")
    with pytest.raises(DownloadError, match=r"owner/tiny: no revision v9 \(404\)"):
        make_api().download_model("owner/tiny", "v9")


def test_nobody_listens(make_api: MakeApi) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(DownloadError, match=r"cannot be reached for owner/tiny.*refused") as caught:
            make_api(endpoint=f"http://127.0.0.1:{port}").download_model("owner/tiny")
    assert f"127.0.0.1:{port}" in str(caught.value)


def test_silence_times_out(make_api: MakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_ETAG_TIMEOUT", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(DownloadError, match="timed out while asked for owner/tiny"):
            make_api(endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}").download_model("owner/tiny")


def test_connection_that_is_always_cut_is_given_up(published: Any, make_api: MakeApi, tmp_path: Path) -> None:
    published.faults["config.json"] = published.fault(cut_at=0, times=99)
    with pytest.raises(DownloadError, match=r"cannot be reached for owner/tiny, config\.json"):
        make_api().download_model("owner/tiny")
    assert published.asked("GET").count("config.json") == 6
    assert stored_files(tmp_path / "cache") == []


@pytest.mark.parametrize("body", [b"<html>Please log in</html>", b"[]", b'{"id": 7}', b"null"])
def test_a_server_that_is_no_hub(published: Any, make_api: MakeApi, body: bytes) -> None:
    published.faults["api"] = published.fault(body=body)
    with pytest.raises(DownloadError, match="is HF_ENDPOINT right"):
        make_api().download_model("owner/tiny")


@pytest.mark.parametrize("commit", ["../../../evil", "main", "", "0" * 39, "0" * 64])
def test_commit_that_is_none(published: Any, make_api: MakeApi, commit: str, tmp_path: Path) -> None:
    published.commits["owner/tiny"] = commit
    with pytest.raises(DownloadError, match="names no commit"):
        make_api().download_model("owner/tiny")
    assert stored_files(tmp_path) == stored_files(tmp_path / "model")


def test_flipped_byte(published: Any, make_api: MakeApi, tmp_path: Path) -> None:
    published.faults["model.safetensors"] = published.fault(flip=57)
    with pytest.raises(
        IntegrityError, match=r"model\.safetensors: sha256 expected [0-9a-f]{64} got [0-9a-f]{64}"
    ):
        make_api().download_model("owner/tiny")
    left = stored_files(tmp_path / "cache")
    assert "model.safetensors" not in left
    assert "main" not in left
    assert not [name for name in left if name.endswith(".tmp") or len(name) == 64]
    del published.faults["model.safetensors"]
    assert make_api().download_model("owner/tiny").load_tensors()["ln_f.bias"].shape == (7,)


def test_flipped_byte_after_a_resumed_cut(published: Any, make_api: MakeApi) -> None:
    published.faults["model.safetensors"] = published.fault(flip=57, cut_at=31)
    with pytest.raises(IntegrityError, match="sha256"):
        make_api().download_model("owner/tiny")


def test_more_bytes_than_described(published: Any, make_api: MakeApi) -> None:
    published.faults["config.json"] = published.fault(extra=b"more")
    with pytest.raises(IntegrityError, match=r"config\.json: expected 31 bytes, got more"):
        make_api().download_model("owner/tiny")


def test_wrong_range(published: Any, make_api: MakeApi) -> None:
    published.faults["config.json"] = published.fault(cut_at=5, wrong_range=True)
    with pytest.raises(IntegrityError, match=r"config\.json: asked for bytes from 5, got others"):
        make_api().download_model("owner/tiny")


@pytest.mark.parametrize(
    ("etag", "message"),
    [
        (None, r"sent no ETag for config\.json"),
        ('"../../evil"', "unusable ETag"),
        ('"/etc/evil"', "unusable ETag"),
        ('".."', "unusable ETag"),
        ('""', "unusable ETag"),
        ('"' + "e" * 5000 + '"', "unusable ETag"),
        ('"a b"', "unusable ETag"),
        ('"C:evil"', "unusable ETag"),
    ],
)
def test_etag_that_cannot_name_a_file(
    published: Any, make_api: MakeApi, tmp_path: Path, etag: str | None, message: str
) -> None:
    published.faults["config.json"] = published.fault(etag=etag)
    before = stored_files(tmp_path)
    with pytest.raises(DownloadError, match=message) as caught:
        make_api().download_model("owner/tiny")
    assert len(str(caught.value)) < 300
    assert stored_files(tmp_path) == before
    assert "config.json" not in published.asked("GET")


def test_repository_without_model(published: Any, make_api: MakeApi) -> None:
    del published.repositories["owner/tiny"]["model.safetensors"]
    with pytest.raises(DownloadError, match="only safetensors are read, no pickle"):
        make_api().download_model("owner/tiny")
    del published.repositories["owner/tiny"]["config.json"]
    with pytest.raises(DownloadError, match=r"has no config\.json; is it a model"):
        make_api().download_model("owner/tiny")
    assert published.asked("HEAD") == []


@pytest.mark.parametrize("shard", ["../x.safetensors", "/etc/passwd", "x.bin"])
def test_index_with_a_hostile_shard(published: Any, make_api: MakeApi, shard: str, tmp_path: Path) -> None:
    files = published.repositories["owner/tiny"]
    del files["model.safetensors"]
    files["model.safetensors.index.json"] = b'{"weight_map": {"x": "%s"}}' % shard.encode()
    with pytest.raises(ModelFormatError, match="invalid shard name"):
        make_api().download_model("owner/tiny")
    assert not (tmp_path / "cache" / "models--owner--tiny" / "refs").exists()


def test_offline_without_anything(published: Any, make_api: MakeApi) -> None:
    with pytest.raises(NotCachedError, match=r"owner/tiny: revision main is not in .*cache"):
        make_api(offline=True).download_model("owner/tiny")
    assert published.connections == 0


def test_offline_with_half_the_files(published: Any, make_api: MakeApi) -> None:
    bundle = make_api().download_model("owner/tiny")
    before = published.connections
    for name in ("model.safetensors", "tokenizer.json", "vocab.json"):
        (bundle.folder / name).unlink()
    with pytest.raises(NotCachedError, match=r"missing model\.safetensors, tokenizer\.json, vocab\.json;"):
        make_api(offline=True).download_model("owner/tiny")
    assert published.connections == before


def test_the_client_itself_forbids(
    published: Any, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(NotCachedError, match="HF_HUB_OFFLINE forbids"):
        make_api().download_model("owner/tiny")
    assert published.connections == 0
    assert make_api(offline=False).download_model("owner/tiny").config_path.is_file()


def test_cache_that_is_a_file(published: Any, make_api: MakeApi, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("not a folder")
    with pytest.raises(OSError, match="cache") as caught:
        make_api().download_model("owner/tiny")
    assert not isinstance(caught.value, DownloadError)
    assert caught.value.errno in (errno.EEXIST, errno.ENOTDIR)
    assert published.connections == 0


def test_full_disk_names_the_path(published: Any, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match=r"No space left on device: '.*blobs.*'") as caught:
        make_api().download_model("owner/tiny")
    assert caught.value.errno == errno.ENOSPC
    assert not isinstance(caught.value, DownloadError)


def test_read_only_cache_still_serves(
    published: Any, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hornbook.hub import transfer

    make_api().download_model("owner/tiny")

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EROFS, "Read-only file system", "cache")

    monkeypatch.setattr(transfer, "write_whole", refuse)
    assert make_api().download_model("owner/tiny").config_path.is_file()
    with pytest.raises(PermissionError, match="Read-only file system: 'cache'"):
        make_api().download_model("tiny")


def test_link_whose_blob_is_missing(published: Any, make_api: MakeApi) -> None:
    bundle = make_api().download_model("owner/tiny")
    bundle.config_path.resolve().unlink()
    published.requests.clear()
    assert make_api().download_model("owner/tiny").config_path.is_file()
    assert published.asked("GET") == ["main", "config.json"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"../../../evil", b"0" * 39, b"f" * 40])
def test_damaged_ref_is_asked_for_again(
    published: Any, make_api: MakeApi, tmp_path: Path, content: bytes
) -> None:
    bundle = make_api().download_model("owner/tiny")
    (tmp_path / "cache" / "models--owner--tiny" / "refs" / "main").write_bytes(content)
    assert make_api().download_model("owner/tiny").folder == bundle.folder


@pytest.mark.parametrize(
    "repo_id",
    [
        "../x",
        "a/b/c",
        "",
        "a" * 300,
        "a--b",
        "é/x",
        "a/",
        "/a",
        ".",
        "..",
        "a/..",
        "a b",
        "a\n",
        "x.git",
        "-a",
        7,
    ],
)
def test_impossible_repository_is_refused_without_asking(
    published: Any, make_api: MakeApi, repo_id: Any
) -> None:
    with pytest.raises(ConfigError, match="repository"):
        make_api().download_model(repo_id)
    assert published.connections == 0


@pytest.mark.parametrize(
    "revision", ["../../x", "", "a//b", "/a", "a/", ".a", "a..b", "a.lock", "a b", "a" * 201]
)
def test_impossible_revision_is_refused_without_asking(
    published: Any, make_api: MakeApi, revision: str
) -> None:
    with pytest.raises(ConfigError, match="revision"):
        make_api().download_model("owner/tiny", revision)
    assert published.connections == 0


@pytest.mark.parametrize("endpoint", ["ftp://x", "x", "http://", "http://[", "http://a:b"])
def test_impossible_endpoint(endpoint: str) -> None:
    with pytest.raises(ConfigError, match="endpoint"):
        HubApi(endpoint=endpoint)
