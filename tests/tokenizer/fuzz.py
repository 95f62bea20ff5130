"""Damages tokenizers' files at random and sees that each is read, or refused with a TokenizerError.

    python -m tests.tokenizer.fuzz [--seconds 600] [--seed 0]

Half of the mutations change the structure of a tokenizer.json of some kind, half the bytes of vocab.json,
merges.txt, vocab.txt and the files beside them. What can be read must encode any text, and decode it.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.tokenizer.kinds import KINDS, oracle

from hornbook.errors import TokenizerError
from hornbook.tokenizer import BPETokenizer, Tokenizer

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 1e400, float("nan"), -0.5, "", "x", "▁", "\ud800", "é"),
    *([], {}, [[]], [{}], {"": 0}, [["a", 0.5]], ["a", "b"], "Ġ", "<0x00>", "[UNK]", 300, "a b", [None]),
    *("ByteLevel", "Sequence", "Metaspace", "BPE", "Unigram", "WordPiece", "NFC", "Isolated", "A"),
    *(
        "ByteFallback",
        "Fuse",
        "Strip",
        "CTC",
        "BPEDecoder",
        "Replace",
        "Split",
        "FixedLength",
        "UnicodeScripts",
    ),
    *(
        "TemplateProcessing",
        "RobertaProcessing",
        {"type": "Fuse"},
        {"type": "ByteLevel"},
        {"Regex": r"\p{L}+|x*"},
    ),
    *({"Regex": "(a+)+$"}, {"String": ""}, {"type": "Strip", "content": " ", "start": 1, "stop": 1}),
)
TEXTS = ("", "a", "The cat's 12 é日\u0301\n\n x", "[CLS] <b> ▁▁ \ud800\x00", "aaaa" * 20)


def mutate(value: Any, chance: random.Random) -> Any:
    """A copy with one change at a random depth."""
    if isinstance(value, dict) and value and chance.random() < 0.95:
        key = chance.choice(list(value))
        copy = dict(value)
        match chance.randrange(12):
            case 0:
                del copy[key]
            case 1:
                copy[str(chance.choice(ODD_VALUES))] = chance.choice(ODD_VALUES)
            case _:
                copy[key] = mutate(value[key], chance)
        return copy
    if isinstance(value, list) and value and chance.random() < 0.95:
        index = chance.randrange(len(value))
        copied = list(value)
        match chance.randrange(8):
            case 0:
                del copied[index]
            case 1:
                copied.insert(index, copied[chance.randrange(len(copied))])
            case 2:
                other = chance.randrange(len(copied))
                copied[index], copied[other] = copied[other], copied[index]
            case _:
                copied[index] = mutate(value[index], chance)
        return copied
    if isinstance(value, int) and chance.random() < 0.5:
        return value + chance.choice((-1, 1, 7))
    return chance.choice(ODD_VALUES)


def damage(content: bytes, chance: random.Random) -> bytes:
    """Bytes changed, removed, doubled or inserted at one to three positions."""
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(content) + 1)
        size = chance.choice((1, 1, 2, 5, 40))
        new = chance.choice(
            (b"", b"\0", b"\xff", b"\n", b"\r\n", b" ", b"  ", b'"', b"{", b"\xef\xbb\xbf", b"a")
        )
        kept = content[start : start + size] * chance.choice((0, 0, 2))
        content = content[:start] + new + kept + content[start + size * chance.choice((0, 1)) :]
    return content


def use(tokenizer: Tokenizer) -> None:
    """What is read must encode and decode, apart from texts that need a token which is missing."""
    for text in TEXTS:
        try:
            ids = tokenizer.encode(text, allowed_special="all")
            spans = tokenizer.encode_with_spans(text, allowed_special="all")
        except TokenizerError:
            continue
        assert [token_id for token_id, *_ in spans] == ids
        assert all(0 <= start <= stop <= len(text) + 1 for _, start, stop in spans)
        stream = tokenizer.decode_stream()
        pieces = [*map(stream.push, ids), stream.finish()]
        assert "".join(pieces) == tokenizer.decode(ids)


@contextmanager
def refused() -> Iterator[None]:
    """Allows a file to be refused, in one line."""
    try:
        yield
    except TokenizerError as error:
        if "\n" in str(error):
            raise AssertionError("more than one line") from error


def mutated_documents(chance: random.Random) -> Iterator[None]:
    """Reads a damaged tokenizer.json at each step."""
    documents = [json.loads(oracle(name).to_str()) for name in KINDS]
    while True:
        document = chance.choice(documents)
        for _ in range(chance.choice((1, 1, 2, 4))):
            document = mutate(document, chance)
        with refused():
            use(Tokenizer(document))
        yield


def mutated_files(chance: random.Random, folder: Path) -> Iterator[None]:
    """Reads a folder with a damaged file at each step."""
    vocab = json.loads(oracle("gpt2").to_str())["model"]
    words = sorted(oracle("bert").get_vocab().items(), key=lambda item: item[1])
    files = {
        "vocab.json": json.dumps(vocab["vocab"]).encode(),
        "merges.txt": "".join(f"{left} {right}\n" for left, right in vocab["merges"]).encode(),
        "vocab.txt": "".join(f"{word}\n" for word, _ in words).encode(),
        "tokenizer_config.json": b'{"bos_token": "[CLS]", "model_max_length": 99}',
        "special_tokens_map.json": b'{"pad_token": {"content": "[PAD]"}}',
        "added_tokens.json": b'{"<new>": 600}',
    }
    while True:
        name = chance.choice(list(files))
        left_out = {"vocab.json"} if name == "vocab.txt" else set()
        for each, content in files.items():
            path = folder / each
            path.write_bytes(damage(content, chance) if each == name else content)
            if each in left_out:
                path.unlink()
        with refused():
            use(Tokenizer.from_folder(folder))
        if not left_out:
            with refused():
                use(BPETokenizer.from_files(folder / "vocab.json", folder / "merges.txt"))
        yield


def run(seed: int, seconds: float, most: int | None = None) -> int:
    """Mutates files until the time is over; returns their number."""
    chance = random.Random(seed)
    end = time.monotonic() + seconds
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        steps = mutated_documents(chance), mutated_files(chance, Path(folder))
        while time.monotonic() < end and (most is None or count < most):
            next(steps[count % 2])
            count += 1
    return count


def main() -> None:
    """Prints how many files were read or refused."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    count = run(options.seed, options.seconds)
    sys.stdout.write(f"{count} damaged files: read, or refused with a TokenizerError\n")


if __name__ == "__main__":
    main()
