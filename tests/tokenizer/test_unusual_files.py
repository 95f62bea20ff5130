"""Files that are merely unusual, each of its kind, with the ids and spans of the tokenizers package."""

from typing import Any

import pytest
from tests.tokenizer.beside import Beside, added, document

from hornbook.errors import TokenizerError
from hornbook.tokenizer import Tokenizer
from hornbook.tokenizer.unicode.byte_alphabet import BYTE_TO_CHARACTER
from hornbook.tokenizer.unicode.named_patterns import NAMED_PATTERNS

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
NO_REGEX = BYTE_LEVEL | {"use_regex": False}
BYTES = {character: byte for byte, character in enumerate(BYTE_TO_CHARACTER)}
IN_UTF8 = [
    character for byte, character in enumerate(BYTE_TO_CHARACTER) if byte not in (0xC0, 0xC1) and byte < 0xF5
]


def split(regex: str, behavior: str = "Isolated") -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": behavior, "invert": False}


def sequence(name: str, *steps: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", name: list(steps)}


def bpe(
    vocab: dict[str, int] | None = None, merges: list[Any] | None = None, **settings: Any
) -> dict[str, Any]:
    vocab = BYTES | {"he": 256, "hi": 257} if vocab is None else vocab
    return {"type": "BPE", "vocab": vocab, "merges": merges or [], **settings}


HE = [["h", "e"]]
WORDS = {"type": "WordLevel", "vocab": {"<unk>": 0, "a": 1, "b": 2}, "unk_token": "<unk>"}
FALLBACK = bpe(
    {"<unk>": 0, "a": 1, "<0xC3>": 2, "<0xA9>": 3}, unk_token="<unk>", fuse_unk=True, byte_fallback=True
)

FILES: dict[str, tuple[dict[str, Any], str, list[int]]] = {
    "some byte tokens are missing": (document(FALLBACK), "aéaça", [1, 2, 3, 1, 0, 1]),
    "bytes that occur in no text are missing": (
        document(
            bpe({each: i for i, each in enumerate(IN_UTF8)}), pre_tokenizer=BYTE_LEVEL, decoder=BYTE_LEVEL
        ),
        "é",
        [IN_UTF8.index(BYTE_TO_CHARACTER[byte]) for byte in "é".encode()],
    ),
    "bytes that occur in texts are missing": (
        document(bpe({"h": 0, "Ã": 1, "?": 2}, unk_token="?"), pre_tokenizer=BYTE_LEVEL, decoder=BYTE_LEVEL),
        "hé",
        [0, 1, 2],
    ),
    "an empty token": (
        document(bpe(BYTES | {"": 300, "he": 256}, HE), pre_tokenizer=BYTE_LEVEL),
        "he",
        [256],
    ),
    "the pattern of o200k": (
        document(
            bpe(merges=HE),
            pre_tokenizer=sequence("pretokenizers", split(NAMED_PATTERNS["o200k"][0]), NO_REGEX),
            decoder=BYTE_LEVEL,
        ),
        "he'S he\n 12",
        [256, 39, 83, 32, 256, 10, 32, 49, 50],
    ),
    "ByteLevel is not the last pre-tokenizer": (
        document(
            bpe(BYTES | {"Ġhe": 256, "12": 257, "Ġh": 258}, [["Ġ", "h"], ["Ġh", "e"], ["1", "2"]]),
            pre_tokenizer=sequence(
                "pretokenizers",
                {"type": "Punctuation", "behavior": "Contiguous"},
                BYTE_LEVEL,
                {"type": "Digits", "individual_digits": False},
                split("[0-9][0-9][0-9]"),
            ),
            decoder=BYTE_LEVEL,
        ),
        "he he, 1234!!",
        [104, 101, 256, 44, 32, 257, 51, 52, 33, 33],
    ),
    "a byte-level model with an unknown token": (
        document(bpe(merges=HE, unk_token="[UNK]"), pre_tokenizer=BYTE_LEVEL, decoder=BYTE_LEVEL),
        "he é",
        [256, 32, 195, 169],
    ),
    "a gap in the ids": (
        document(
            {
                "type": "WordPiece",
                "vocab": {"[UNK]": 0, "a": 1, "b": 3},
                "unk_token": "[UNK]",
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100,
            },
            pre_tokenizer={"type": "Whitespace"},
        ),
        "a b c",
        [1, 3, 0],
    ),
    "the normalizer ByteLevel": (
        document(bpe(merges=HE), normalizer={"type": "ByteLevel"}, decoder=BYTE_LEVEL),
        "hé 日",
        [104, 195, 169, 32, 230, 151, 165],
    ),
    "merges that begin with the header of merges.txt": (
        document(bpe(merges=["#version: 0.2", "h e"]), pre_tokenizer=BYTE_LEVEL, decoder=BYTE_LEVEL),
        "he",
        [256],
    ),
    "merges given twice": (
        document(bpe({"a": 0, "b": 1, "c": 2, "ab": 3, "bc": 4}, [["a", "b"], ["b", "c"], ["a", "b"]])),
        "abc",
        [0, 4],
    ),
    "a decoder of one simple step": (
        document(WORDS, pre_tokenizer={"type": "Whitespace"}, decoder={"type": "Fuse"}),
        "a b",
        [1, 2],
    ),
    "an unknown token that is no token": (document(bpe({"a": 0, "b": 1}, unk_token="<unk>")), "ab", [0, 1]),
    "an added token that takes white space, trimmed": (
        document(
            bpe(merges=HE),
            pre_tokenizer=BYTE_LEVEL,
            decoder=BYTE_LEVEL,
            post_processor=BYTE_LEVEL,
            added_tokens=[added("<m>", 258, lstrip=True, rstrip=True)],
        ),
        "he  <m> he",
        [256, 258, 256],
    ),
    "padding and truncation": (
        document(
            WORDS,
            pre_tokenizer={"type": "Whitespace"},
            padding={
                "strategy": {"Fixed": 9},
                "direction": "Left",
                "pad_to_multiple_of": None,
                "pad_id": 77,
                "pad_type_id": 0,
                "pad_token": "[PAD]",
            },
            truncation={"max_length": 1, "stride": 7, "strategy": "LongestFirst", "direction": "Left"},
        ),
        "a b",
        [1, 2],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_unusual_files_are_read(name: str) -> None:
    content, text, ids = FILES[name]
    both = Beside(content)
    both.theirs.no_padding()
    both.theirs.no_truncation()
    assert both.ours.encode(text, allowed_special="all") == ids
    both.check(text)
    both.check_decoding(range(both.ours.vocab_size))


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (bpe({"a": 0}, unk_token="<unk>"), "ab"),
        (WORDS | {"unk_token": "?"}, "c"),
        (
            {"type": "WordPiece", "vocab": {"a": 0}, "unk_token": "?", "continuing_subword_prefix": "##"},
            "b",
        ),
        ({"type": "Unigram", "vocab": [["a", 0.0]], "unk_id": None}, "b"),
    ],
)
def test_what_is_missing_is_an_error_once_a_text_needs_it(model: dict[str, Any], text: str) -> None:
    ours = Tokenizer(document(model))
    assert ours.encode("a") == [ours.encode("a")[0]]
    with pytest.raises(TokenizerError, match=r"^encode: .*unknown (token|character)"):
        ours.encode(text)
