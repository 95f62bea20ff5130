"""Files that are something else than their name says, made by the tools that make them."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import re
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from hornbook.errors import ConfigError, ModelFormatError, TokenizerError
from hornbook.file_kinds import describe_kind, refuse_other_kind
from hornbook.files import read_bounded, read_json
from hornbook.hub import open_tensors

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 548105171\n"


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("model/config.json"))
    return buffer.getvalue()


def saved_by_numpy() -> tuple[bytes, bytes]:
    single, several = io.BytesIO(), io.BytesIO()
    np.save(single, np.zeros(3))
    np.savez(several, w=np.zeros(3))
    return single.getvalue(), several.getvalue()


KINDS = [
    (POINTER, "a Git LFS pointer, not the file itself; run `git lfs pull`"),
    (b"<!DOCTYPE html>\n<html>", "an HTML page; download the file itself"),
    (b"\xef\xbb\xbf\n <html lang='en'>", "an HTML page"),
    (b"<!-- saved -->\n<HTML>", "an HTML page"),
    (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML document"),
    (zipped("config.json"), "a zip archive"),
    (zipped(), "an empty zip archive"),
    (
        zipped("pytorch_model/data.pkl"),
        "a PyTorch checkpoint (a zip archive with a pickle); `hornbook models",
    ),
    (gzip.compress(b"{}"), "compressed by gzip; unpack it first"),
    (bz2.compress(b"{}"), "compressed by bzip2"),
    (lzma.compress(b"{}"), "compressed by xz"),
    (b"\x28\xb5\x2f\xfd\x04\x00", "compressed by zstd"),
    (tarred(), "a tar archive"),
    (b"GGUF\x03\0\0\0" + b"\x25" * 16, "a GGUF file; use the model's safetensors"),
    (b"\x89HDF\r\n\x1a\n\0\0", "an HDF5 file"),
    (b"%PDF-1.7\n", "a PDF document"),
    (b"\0" * 4096, "nothing but zero bytes"),
    (saved_by_numpy()[0], "a NumPy array (.npy)"),
    (saved_by_numpy()[1], "a NumPy archive (.npz)"),
    *((pickle.dumps({"w": 1}, protocol), "a Python pickle") for protocol in (2, 3, 4, 5)),
]


@pytest.mark.parametrize(("content", "kind"), KINDS, ids=[kind[:12] for _, kind in KINDS])
def test_every_reader_names_the_kind(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    for read, error in (
        (lambda: read_json(path, max_bytes=1 << 20, error=ConfigError), ConfigError),
        (lambda: read_json(path, max_bytes=3, error=ConfigError), ConfigError),
        (
            lambda: read_bounded(path, max_bytes=1 << 20, error=TokenizerError, expected="JSON"),
            TokenizerError,
        ),
    ):
        with pytest.raises(error, match=re.escape(f"{path}: expected JSON, this is {kind}")) as caught:
            read()
        assert "\n" not in str(caught.value)
    with pytest.raises(
        ModelFormatError, match=re.escape(f"{path}: expected a safetensors file, this is {kind}")
    ):
        open_tensors(path)


def test_safetensors_in_place_of_json(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(safetensors.numpy.save({"w": np.zeros(3)}))
    with pytest.raises(ConfigError, match="x: expected JSON, this is a safetensors file"):
        read_json(tmp_path / "x", max_bytes=1 << 20, error=ConfigError)


@pytest.mark.parametrize("content", [b'{"error": "Repository not found"}', b"Entry not found"])
def test_text_in_place_of_safetensors(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(
        ModelFormatError, match="expected a safetensors file, this is text that begins "
    ) as caught:
        open_tensors(tmp_path / "x")
    assert repr(content.decode())[:30] in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"{}",
        b"[1]",
        b'"version https"',
        b"version 1",
        b"#version: 0.2\nh e",
        b"<unk>\n<s>\n</s>",
        b"<headline>\n<htmlx>",
        b"[PAD]\nBZip",
        json.dumps({"<html>": 0}).encode(),
        b"\n\x05<unk>\x0e",
        b"PK",
        b"\x80abc",
    ],
)
def test_what_has_no_signature_is_not_named(content: bytes) -> None:
    assert describe_kind(content) is None
    refuse_other_kind(content, source="x", expected="anything", error=ConfigError)


def test_headers_of_any_length_are_read_as_safetensors(tmp_path: Path) -> None:
    """The eight bytes of a header's length may look like another format's signature."""
    header = b'{"w":{"dtype":"U8","shape":[7],"data_offsets":[0,7]}}'.ljust(0x00088B1F)
    (tmp_path / "x").write_bytes(len(header).to_bytes(8, "little") + header + b"1234567")
    del header
    assert open_tensors(tmp_path / "x")["w"].tolist() == list(b"1234567")
