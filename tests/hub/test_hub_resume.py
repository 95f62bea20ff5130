"""Downloads that end early: what arrived is kept, checked, and continued."""

import fcntl
import hashlib
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from hornbook.errors import DownloadError, IntegrityError
from hornbook.hub import HubApi, client, transfer

MakeApi = Callable[..., HubApi]
WEIGHTS = "model.safetensors"


@pytest.fixture
def content(published: Any) -> bytes:
    """The weights that are published."""
    weights: bytes = published.repositories["owner/tiny"][WEIGHTS]
    return weights


@pytest.fixture
def partial(tmp_path: Path, content: bytes) -> Path:
    """Where the beginning of the weights is kept."""
    blobs = tmp_path / "cache" / "models--owner--tiny" / "blobs"
    blobs.mkdir(parents=True)
    return blobs / f"{hashlib.sha256(content).hexdigest()}.incomplete"


def ranges(published: Any) -> list[str | None]:
    """The ranges of the weights that were asked for."""
    return [
        headers.get("Range")
        for verb, path, headers in published.requests
        if verb == "GET" and path.endswith(WEIGHTS)
    ]


def test_a_download_that_progresses_may_be_cut_any_number_of_times(
    published: Any, make_api: MakeApi, content: bytes
) -> None:
    """Only attempts in a row that bring nothing count as failures."""
    published.faults[WEIGHTS] = published.fault(cut_at=31, times=13)
    bundle = make_api().download_model("owner/tiny")
    assert bundle.weight_paths[0].read_bytes() == content
    assert ranges(published) == [None, *(f"bytes={31 * i}-" for i in range(1, 14))]


@pytest.mark.parametrize("signal", [KeyboardInterrupt, SystemExit])
def test_what_arrived_before_ctrl_c_is_kept_and_continued(
    published: Any,
    make_api: MakeApi,
    content: bytes,
    partial: Path,
    monkeypatch: pytest.MonkeyPatch,
    signal: type[BaseException],
) -> None:
    def interrupt(seconds: float) -> NoReturn:
        raise signal

    published.faults[WEIGHTS] = published.fault(cut_at=101)
    with monkeypatch.context() as patch:
        patch.setattr(time, "sleep", interrupt)
        with pytest.raises(signal):
            make_api().download_model("owner/tiny")
    assert partial.read_bytes() == content[:101]
    bundle = make_api().download_model("owner/tiny")
    assert bundle.weight_paths[0].read_bytes() == content
    assert ranges(published) == [None, "bytes=101-"]
    assert not partial.exists()


def test_what_arrived_before_the_connection_was_lost_is_kept(
    published: Any, make_api: MakeApi, content: bytes, partial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "MAX_FAILURES", 0)
    published.faults[WEIGHTS] = published.fault(cut_at=101)
    with pytest.raises(DownloadError, match="cannot be reached"):
        make_api().download_model("owner/tiny")
    assert partial.read_bytes() == content[:101]


def test_nothing_is_kept_of_a_transfer_that_brought_nothing(
    published: Any, make_api: MakeApi, partial: Path
) -> None:
    published.faults[WEIGHTS] = published.fault(cut_at=0, times=99)
    with pytest.raises(DownloadError, match="cannot be reached"):
        make_api().download_model("owner/tiny")
    assert not partial.exists()


def test_a_damaged_beginning_is_fetched_anew(
    published: Any, make_api: MakeApi, content: bytes, partial: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """After a power cut the file may have its length, but not its content."""
    partial.write_bytes(b"\0" * 101)
    bundle = make_api().download_model("owner/tiny")
    assert bundle.weight_paths[0].read_bytes() == content
    assert ranges(published) == ["bytes=101-", None]
    assert "model.safetensors: what was kept of it is damaged, starting anew" in caplog.text


def test_wrong_content_is_not_kept_after_a_beginning(
    published: Any, make_api: MakeApi, content: bytes, partial: Path
) -> None:
    partial.write_bytes(content[:101])
    published.faults[WEIGHTS] = published.fault(flip=150)
    with pytest.raises(IntegrityError, match="sha256 expected"):
        make_api().download_model("owner/tiny")
    assert ranges(published) == ["bytes=101-", None]
    assert not partial.exists()


@pytest.mark.parametrize("more", [b"", b"1"])
def test_a_beginning_that_is_the_whole_or_more(
    published: Any, make_api: MakeApi, content: bytes, partial: Path, more: bytes
) -> None:
    partial.write_bytes(content + more)
    bundle = make_api().download_model("owner/tiny")
    assert bundle.weight_paths[0].read_bytes() == content
    assert ranges(published) == ([None] if more else [])


def test_resuming_is_told(
    published: Any, make_api: MakeApi, content: bytes, partial: Path, caplog: pytest.LogCaptureFixture
) -> None:
    partial.write_bytes(content[:101])
    with caplog.at_level(logging.INFO):
        make_api().download_model("owner/tiny")
    assert "model.safetensors: resuming at 101" in caplog.text


def test_two_processes_do_not_write_one_file(
    published: Any, make_api: MakeApi, content: bytes, partial: Path
) -> None:
    with partial.open("wb") as other:
        other.write(content[:7])
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        bundle = make_api().download_model("owner/tiny")
    assert bundle.weight_paths[0].read_bytes() == content
    assert ranges(published) == [None]
    assert partial.read_bytes() == content[:7]


def test_a_beginning_that_another_process_completes_meanwhile_is_left_alone(
    published: Any, make_api: MakeApi, content: bytes, partial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening and locking, the other process renames the file to the blob that it is then."""
    partial.write_bytes(b"complete, as far as this process knows")
    elsewhere = partial.with_name("the-blob")

    def rename_and_lock(*_: Any) -> None:
        partial.rename(elsewhere)
        partial.write_bytes(b"of a third process")

    monkeypatch.setattr(fcntl, "flock", rename_and_lock)
    bundle = make_api().download_model("owner/tiny")
    assert bundle.weight_paths[0].read_bytes() == content
    assert elsewhere.read_bytes() == b"complete, as far as this process knows"
    assert partial.read_bytes() == b"of a third process"


def test_a_file_system_without_locks(
    published: Any, make_api: MakeApi, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> NoReturn:
        raise OSError("no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert make_api().download_model("owner/tiny").weight_paths[0].read_bytes() == content


def test_errors_name_the_blob_and_not_its_beginning(
    published: Any, make_api: MakeApi, partial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refuse(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path).endswith(".incomplete"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError) as caught:
        make_api().download_model("owner/tiny")
    assert caught.value.filename == str(partial.with_suffix(""))


@pytest.mark.parametrize(("options", "hidden"), [({}, None), ({"progress": False}, True)])
def test_bars_can_be_silenced(
    published: Any,
    make_api: MakeApi,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    hidden: bool | None,
) -> None:
    """None leaves it to the terminal."""
    shown: list[object] = []
    bar = client.UTILS.tqdm
    make_bar = bar.__init__

    def watched(self: Any, *arguments: Any, **options: Any) -> None:
        shown.append(options["disable"])
        make_bar(self, *arguments, **options)

    monkeypatch.setattr(bar, "__init__", watched)
    make_api(**options).download_model("owner/tiny")
    assert shown == [hidden] * 6
