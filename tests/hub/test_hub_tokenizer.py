"""Downloading a tokenizer alone, and what is used when the Hub cannot be asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hornbook.errors import ConfigError, DownloadError, IntegrityError, NotCachedError
from hornbook.hub import HubApi, cached_models

MakeApi = Callable[..., HubApi]
OF_TOKENIZER = ["config.json", "merges.txt", "tokenizer.json", "vocab.json"]
UNREACHABLE = "http://127.0.0.1:9"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_weights_are_not_fetched(published: Any, make_api: MakeApi) -> None:
    bundle = make_api().download_tokenizer("owner/tiny")
    assert names(bundle.folder) == OF_TOKENIZER
    assert sorted(published.asked("HEAD")) == OF_TOKENIZER
    bundle.check_tokenizer()
    before = published.connections
    assert make_api().download_tokenizer("owner/tiny") == bundle
    assert make_api(offline=True).download_tokenizer("owner/tiny") == bundle
    assert published.connections == before


def test_the_model_is_fetched_later(published: Any, make_api: MakeApi, tmp_path: Path) -> None:
    folder = make_api().download_tokenizer("owner/tiny").folder
    (stored,) = cached_models(tmp_path / "cache")
    assert not stored.complete
    with pytest.raises(NotCachedError, match=r"only partly in .*, missing model\.safetensors;"):
        make_api(offline=True).download_model("owner/tiny")
    published.requests.clear()
    bundle = make_api().download_model("owner/tiny")
    assert bundle.folder == folder
    assert published.asked("GET") == ["main", "generation_config.json", "model.safetensors"]
    published.requests.clear()
    assert make_api().download_tokenizer("owner/tiny").folder == folder
    assert published.requests == []


def test_the_branch_stays_where_the_stored_model_is(published: Any, make_api: MakeApi) -> None:
    """Else a tokenizer would leave a branch whose weights are not stored."""
    bundle = make_api().download_model("owner/tiny")
    for name in ("tokenizer.json", "vocab.json"):
        (bundle.folder / name).unlink()
    published.commits["owner/tiny"] = "f" * 40
    with pytest.raises(DownloadError, match="no revision 0123456789abcdef"):
        make_api().download_tokenizer("owner/tiny")
    published.commits["owner/tiny"] = bundle.folder.name
    assert make_api().download_tokenizer("owner/tiny") == bundle
    published.commits["owner/tiny"] = "f" * 40
    assert make_api().download_tokenizer("owner/tiny", refresh=True).folder.name == "f" * 40


@pytest.mark.parametrize(
    "files",
    [
        {"vocab.txt", "tokenizer_config.json", "config.json"},
        {"tokenizer.model", "special_tokens_map.json"},
        {"encoder.json", "vocab.bpe"},
        {"qwen.tiktoken", "config.json"},
    ],
)
def test_tokenizers_of_other_kinds(published: Any, make_api: MakeApi, files: set[str]) -> None:
    published.repositories["owner/tiny"] = dict.fromkeys(
        files | {"pytorch_model.bin", "README.md", "sub/other.tiktoken"}, b"{}"
    )
    bundle = make_api().download_tokenizer("owner/tiny")
    assert names(bundle.folder) == sorted(files)
    before = published.connections
    assert make_api().download_tokenizer("owner/tiny") == bundle
    assert make_api(offline=True).download_tokenizer("owner/tiny") == bundle
    assert published.connections == before


def test_a_repository_without_tokenizer(published: Any, make_api: MakeApi) -> None:
    published.repositories["owner/tiny"] = {"config.json": b"{}", "vocab.json": b"{}"}
    with pytest.raises(DownloadError, match="owner/tiny: has no tokenizer files; is it a model of text"):
        make_api().download_tokenizer("owner/tiny")


def test_names_are_checked_without_asking(published: Any, make_api: MakeApi) -> None:
    with pytest.raises(ConfigError, match="repository"):
        make_api().download_tokenizer("../x")
    with pytest.raises(ConfigError, match="revision"):
        make_api().download_tokenizer("owner/tiny", "..")
    with pytest.raises(ConfigError, match="refreshed offline"):
        make_api(offline=True).download_tokenizer("owner/tiny", refresh=True)
    assert published.connections == 0


@pytest.mark.parametrize("method", ["download_model", "download_tokenizer"])
def test_offline_advice_names_no_variable_that_is_not_set(
    published: Any, make_api: MakeApi, method: str
) -> None:
    with pytest.raises(NotCachedError, match="offline now; go online once to download it") as caught:
        getattr(make_api(offline=True), method)("owner/tiny")
    assert "HF_HUB_OFFLINE" not in str(caught.value)
    with pytest.raises(ConfigError) as refused:
        getattr(make_api(offline=True), method)("owner/tiny", refresh=True)
    assert "HF_HUB_OFFLINE" not in str(refused.value)


@pytest.mark.parametrize("method", ["download_model", "download_tokenizer"])
def test_what_is_stored_is_used_where_only_the_existence_of_a_file_is_unknown(
    published: Any, make_api: MakeApi, tmp_path: Path, method: str
) -> None:
    """Caches that other tools filled do not say which optional files the repository lacks."""
    bundle = make_api().download_model("owner/tiny")
    for mark in (tmp_path / "cache").rglob(".no_exist/*/vocab.txt"):
        mark.unlink()
    assert getattr(make_api(endpoint=UNREACHABLE), method)("owner/tiny") == bundle
    with pytest.raises(DownloadError, match="cannot be reached"):
        getattr(make_api(endpoint=UNREACHABLE), method)("owner/tiny", refresh=True)
    published.requests.clear()
    assert getattr(make_api(), method)("owner/tiny") == bundle
    assert len(published.requests) == 1
    published.requests.clear()
    assert getattr(make_api(), method)("owner/tiny") == bundle
    assert published.requests == []


def test_a_file_that_arrives_damaged_is_told_even_if_nothing_needs_it(
    published: Any, make_api: MakeApi
) -> None:
    bundle = make_api().download_model("owner/tiny")
    (bundle.folder / "vocab.json").unlink()
    (bundle.folder / "vocab.json").resolve().unlink(missing_ok=True)
    for blob in (bundle.folder.parents[1] / "blobs").iterdir():
        if blob.read_bytes() == b'{"a": 0}':
            blob.unlink()
    published.faults["vocab.json"] = published.fault(extra=b"more")
    with pytest.raises(IntegrityError, match=r"vocab\.json: expected 8 bytes, got more"):
        make_api().download_tokenizer("owner/tiny")
