"""A small Hub on loopback whose faults can be chosen, and small models to put on it."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

from hornbook.hub import HubApi, save_tensors

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOT_IN_THE_ENVIRONMENT = (
    "TRANSFORMERS_OFFLINE",
    "HUGGINGFACE_HUB_CACHE",
    "XDG_CACHE_HOME",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
)


@dataclass
class Fault:
    """What goes wrong with one file, or with the listing of a repository ("api").

    `status` and `code` refuse; `cut_at` closes the connection after so many bytes, `times` times; `flip`
    changes a byte; `etag` and `get_etag` replace the ETag of every answer, or of GET only; None leaves it
    out.
    """

    status: int = 0
    code: str = ""
    cut_at: int = -1
    times: int = 1
    flip: int = -1
    etag: str | None = ""
    get_etag: str = ""
    ignore_range: bool = False
    wrong_range: bool = False
    no_length: bool = False
    extra: bytes = b""
    redirect: bool = False
    body: bytes | None = None


@dataclass
class FakeHub:
    """The repositories, the faults, and a record of what was asked."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    connections: int = 0
    url: str = ""
    fault: type[Fault] = Fault

    def asked(self, method: str) -> list[str]:
        """The names of the files that were asked for."""
        return [path.rsplit("/", 1)[-1] for verb, path, _ in self.requests if verb == method]


def etag_of(name: str, content: bytes) -> str:
    """As the Hub does it: SHA-256 for large files, git's name of the blob for others."""
    if name.endswith(".safetensors"):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # 40 ms an answer otherwise
    hub: FakeHub

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the tests read `FakeHub.requests`."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path, dict(self.headers)))
        if path.startswith("/api/models/"):
            repo, _, revision = path.removeprefix("/api/models/").partition("/revision/")
            self._list(repo, revision)
        else:
            repo, _, rest = path.removeprefix("/cdn").removeprefix("/").partition("/resolve/")
            revision, _, name = rest.partition("/")
            self._send_file(repo, revision, name)

    def _list(self, repo: str, revision: str) -> None:
        fault = self.hub.faults.get("api", Fault())
        if fault.body is not None:
            self._send(200, fault.body, {"Content-Type": "text/html"})
            return
        if self._refused(fault, repo, revision):
            return
        files = [{"rfilename": name} for name in self.hub.repositories[repo]]
        answer = {"id": repo, "sha": self.hub.commits.get(repo, COMMIT), "siblings": files, "tags": []}
        self._send(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _refused(self, fault: Fault, repo: str, revision: str) -> bool:
        status, code = fault.status, fault.code
        if not status and repo not in self.hub.repositories:
            status, code = 404, "RepoNotFound"
        if not status and revision not in ("main", self.hub.commits.get(repo, COMMIT), "branch/one"):
            status, code = 404, "RevisionNotFound"
        if status:
            self._send(status, b"", {"X-Error-Code": code} if code else {})
        return bool(status)

    def _send_file(self, repo: str, revision: str, name: str) -> None:
        fault = self.hub.faults.get(name, Fault())
        if self._refused(fault, repo, revision):
            return
        if name not in self.hub.repositories[repo]:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        content = self.hub.repositories[repo][name]
        headers = self._headers(repo, name, content, fault)
        if fault.redirect and not self.path.startswith("/cdn"):
            # Another host, as the Hub's large files are: the name differs, the machine does not.
            headers["Location"] = self.hub.url.replace("127.0.0.1", "localhost") + "/cdn" + self.path
            headers |= {"X-Linked-Size": str(len(content)), "X-Linked-Etag": headers["ETag"]}
            self._send(302, b"", headers)
            return
        self._send_content(content, headers, fault)

    def _headers(self, repo: str, name: str, content: bytes, fault: Fault) -> dict[str, str]:
        headers = {"X-Repo-Commit": self.hub.commits.get(repo, COMMIT), "Accept-Ranges": "bytes"}
        etag = fault.etag if fault.etag != "" else f'"{etag_of(name, content)}"'
        if fault.get_etag and self.command == "GET":
            etag = fault.get_etag
        if self.path.startswith("/cdn"):
            etag = '"an-etag-of-the-cdn"'
        if etag is not None:
            headers["ETag"] = etag
        return headers

    def _send_content(self, content: bytes, headers: dict[str, str], fault: Fault) -> None:
        if fault.flip >= 0:
            flipped = bytearray(content)
            flipped[fault.flip] ^= 1
            content = bytes(flipped)
        begin, status = 0, 200
        asked = self.headers.get("Range")
        if asked and not fault.ignore_range:
            begin, status = int(asked.removeprefix("bytes=").rstrip("-")) - int(fault.wrong_range), 206
            if begin >= len(content):
                self._send(416, b"", {})
                return
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        self._send(status, content[begin:], headers, fault)

    def _send(self, status: int, body: bytes, headers: dict[str, str], fault: Fault | None = None) -> None:
        fault = fault or Fault()
        get = self.command == "GET"
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if fault.no_length and get:
            self.close_connection = True
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(body) + (len(fault.extra) if get else 0)))
        self.end_headers()
        if not get:
            return
        if fault.cut_at >= 0 and fault.times > 0:
            fault.times -= 1
            self.close_connection = True
            self.wfile.write(body[: fault.cut_at])
        else:
            self.wfile.write(body + fault.extra)


class CountingServer(ThreadingHTTPServer):
    daemon_threads = True
    hub: FakeHub

    def get_request(self) -> Any:
        self.hub.connections += 1
        return super().get_request()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A Hub on loopback, and the client set to meet it without waiting."""
    for name in NOT_IN_THE_ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    fake = FakeHub()
    handler = type("BoundHandler", (Handler,), {"hub": fake})
    server = CountingServer(("127.0.0.1", 0), handler)
    server.hub = fake
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    import huggingface_hub

    from hornbook.hub import transfer

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(transfer, "FIRST_WAIT_S", 0.0)
    yield fake
    huggingface_hub.close_session()
    server.shutdown()
    thread.join()
    server.server_close()


def write_model(folder: Path, seed: int = 0) -> None:
    """A model folder of few bytes, with a name for every file that a real one has."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    tensors = {
        "wte.weight": random.standard_normal((13, 7)).astype(np.float32),
        "ln_f.bias": random.standard_normal(7).astype(np.float32),
    }
    save_tensors(folder / "model.safetensors", tensors)
    (folder / "config.json").write_text('{"vocab_size": 13, "n_embd": 7}')
    (folder / "vocab.json").write_text('{"a": 0}')
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    (folder / "generation_config.json").write_text("{}")


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    """A whole model folder."""
    write_model(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def published(hub: FakeHub, model_folder: Path) -> FakeHub:
    """The Hub with two repositories, one of them without an owner, and files that are never to be fetched."""
    files = {path.name: path.read_bytes() for path in model_folder.iterdir()}
    unwanted = dict.fromkeys(("pytorch_model.bin", "tf_model.h5", "README.md", "model.onnx"), b"never")
    hub.repositories = {"owner/tiny": files | unwanted, "tiny": dict(files)}
    return hub


@pytest.fixture
def make_api(hub: FakeHub, tmp_path: Path) -> Callable[..., HubApi]:
    """Makes a HubApi that talks to the fake Hub and has a cache of its own."""

    def make(**options: Any) -> HubApi:
        defaults: dict[str, Any] = {"cache_dir": tmp_path / "cache", "endpoint": hub.url}
        return HubApi(**(defaults | options))

    return make
