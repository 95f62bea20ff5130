"""Says what a file is by its first bytes, for messages about a file that is not what was expected.

A model's file is often another one under its name: the pointer that git leaves without its large-file
extension, the web page around a download, a checkpoint in another format. Knows signatures only; no format is
read here.
"""

import re

from hornbook.errors import HornbookError

__all__ = ["BEGINNING_BYTES", "SAFETENSORS", "describe_kind", "refuse_other_kind"]

BEGINNING_BYTES = 512
"""How much of a file's beginning `describe_kind` looks at."""

CONVERT = "`hornbook models convert` makes a safetensors file of it"
UNPACK = "unpack it first"
ITSELF = "download the file itself"
POINTER = "a Git LFS pointer, not the file itself; run `git lfs pull` in its repository"

SAFETENSORS = "a safetensors file"

KINDS = (
    (rb"\0{16,}\Z", "nothing but zero bytes; was it written or downloaded in full?"),
    (rb"version https://(?:git-lfs|hawser)", POINTER),
    (
        rb"(?i:(?:\xef\xbb\xbf)?\s*(?:<!--.{,300}?-->\s*)?<(?:!doctype\s+html|html|head|body)[\s>])",
        f"an HTML page; {ITSELF}, not the page that shows it",
    ),
    (
        rb"(?:\xef\xbb\xbf)?\s*<\?xml\s",
        f"an XML document, perhaps a server's error message; {ITSELF}",
    ),
    (
        rb"PK\x03\x04.{26}[^/\0]{1,200}/(?:data\.pkl|\.format_version|\.data/|byteorder)",
        f"a PyTorch checkpoint (a zip archive with a pickle); {CONVERT}",
    ),
    (rb"PK\x03\x04.{26}[^\0]{1,200}?\.npy", "a NumPy archive (.npz)"),
    (rb"PK\x03\x04", f"a zip archive; {UNPACK}"),
    (rb"PK\x05\x06", "an empty zip archive"),
    # PROTO with a version that has it, and an opcode that can begin a document.
    (
        rb"\x80[\x02-\x05][\x8a\x95}\](c\x8c]",
        f"a Python pickle, as older versions of PyTorch write them; {CONVERT}",
    ),
    (rb"GGUF", "a GGUF file; use the model's safetensors"),
    (rb"\x89HDF\r\n\x1a\n", "an HDF5 file; use the model's safetensors"),
    (rb"\x93NUMPY", "a NumPy array (.npy)"),
    (rb"\x1f\x8b", f"compressed by gzip; {UNPACK}"),
    (rb"BZh[1-9]", f"compressed by bzip2; {UNPACK}"),
    (rb"\xfd7zXZ\0", f"compressed by xz; {UNPACK}"),
    (rb"\x28\xb5\x2f\xfd", f"compressed by zstd; {UNPACK}"),
    (rb"7z\xbc\xaf\x27\x1c", f"a 7z archive; {UNPACK}"),
    (rb".{257}ustar", f"a tar archive; {UNPACK}"),
    (rb"%PDF-", "a PDF document"),
    (rb".{4}\0{4}\{", SAFETENSORS),
)
"""How a kind begins, and what it is with what helps; the first that fits counts."""

PATTERNS = [(re.compile(pattern, re.DOTALL), kind) for pattern, kind in KINDS]


def describe_kind(beginning: bytes) -> str | None:
    """What a file is that begins so, and what helps, as the end of "this is ..."; None where that is unknown.

    JSON, plain text and protobuf have no signature, and are unknown here.

    Args:
        beginning: the first `BEGINNING_BYTES` of the file, or all of a shorter one.
    """
    beginning = beginning[:BEGINNING_BYTES]
    return next((kind for pattern, kind in PATTERNS if pattern.match(beginning)), None)


def refuse_other_kind(beginning: bytes, *, source: str, expected: str, error: type[HornbookError]) -> None:
    """Raises if a file is of a kind that is known and that is not `expected`.

    Args:
        beginning: the first bytes of the file, at most `BEGINNING_BYTES` of which are looked at.
        source: what the message calls the file, usually its path.
        expected: what the file should be, for example "JSON", "a list of merges" or `SAFETENSORS`.
        error: the class to raise.

    Raises:
        error: it is a Git LFS pointer, an HTML page, an archive, or another kind of `describe_kind`.
    """
    kind = describe_kind(beginning)
    if kind is not None and kind != expected:
        raise error(f"{source}: expected {expected}, this is {kind}")
