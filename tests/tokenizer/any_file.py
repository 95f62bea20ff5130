"""Strategies that make up tokenizer.json files of every kind, for `test_any_file`."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from tests.tokenizer.beside import added, document

from hornbook.tokenizer.unicode.byte_alphabet import BYTE_TO_CHARACTER

__all__ = ["TEXTS", "documents"]

Json = dict[str, Any]

CHARACTERS = "abB1. _\n-é\u0301日▁"
ADDED = ("<x>", "<x>a", " b", "[C]", "é", "ab", "▁a")
SPECIAL = ("<x>", "[C]")
TEXTS = st.lists(st.sampled_from([*CHARACTERS, *ADDED, "aa", "  ", "\r\n", "ﬁ", "A", "😀"]), max_size=12).map(
    "".join
)
FLAGS = st.booleans()
TOKENS = st.text(alphabet=CHARACTERS, min_size=1, max_size=3)
BYTES = [*BYTE_TO_CHARACTER]
BEHAVIORS = st.sampled_from(["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"])


def some(*kinds: st.SearchStrategy[Json], key: str, most: int = 3) -> st.SearchStrategy[Json | None]:
    """None, one of these, or a sequence of them."""
    one = st.one_of(*kinds)
    several = st.lists(one, max_size=most).map(lambda items: {"type": "Sequence", key: items})
    return st.one_of(st.none(), one, several)


def of(kind: str, **settings: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """An object of a type."""
    return st.fixed_dictionaries({"type": st.just(kind), **settings})


REGEXES = (
    *(" +", r"\n", "[0-9]", r"\p{L}+", r"(?i)B", "x*", r"(?=b)"),
    *(r"\s+(?!\S)", r"\A | \z", r"[^\p{L}\s]++", "(a|é)+?"),
)
PATTERN = TOKENS.map(lambda text: {"String": text}) | st.sampled_from(REGEXES).map(
    lambda regex: {"Regex": regex}
)
METASPACE = of(
    "Metaspace",
    replacement=st.just("▁"),
    prepend_scheme=st.sampled_from(["always", "first", "never"]),
    split=FLAGS,
)
BYTE_LEVEL = of("ByteLevel", add_prefix_space=FLAGS, trim_offsets=FLAGS, use_regex=FLAGS)

NORMALIZERS = some(
    *map(of, ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Nmt", "StripAccents", "ByteLevel")),
    of(
        "BertNormalizer",
        clean_text=FLAGS,
        handle_chinese_chars=FLAGS,
        strip_accents=FLAGS | st.none(),
        lowercase=FLAGS,
    ),
    of("Strip", strip_left=FLAGS, strip_right=FLAGS),
    of("Prepend", prepend=TOKENS),
    of("Replace", pattern=PATTERN, content=st.text(alphabet=CHARACTERS, max_size=2)),
    key="normalizers",
)
PRE_TOKENIZERS = some(
    *map(of, ("BertPreTokenizer", "UnicodeScripts", "Whitespace", "WhitespaceSplit")),
    BYTE_LEVEL,
    METASPACE,
    of("CharDelimiterSplit", delimiter=st.sampled_from(CHARACTERS)),
    of("Digits", individual_digits=FLAGS),
    of("Punctuation", behavior=BEHAVIORS),
    of("Split", pattern=PATTERN, behavior=BEHAVIORS, invert=FLAGS),
    of("FixedLength", length=st.integers(1, 4)),
    key="pretokenizers",
)
DECODERS = some(
    *map(of, ("ByteFallback", "Fuse")),
    BYTE_LEVEL,
    METASPACE,
    of("WordPiece", prefix=st.sampled_from(["##", "", "a"]), cleanup=FLAGS),
    of("BPEDecoder", suffix=st.sampled_from(["</w>", "a"])),
    of("CTC", pad_token=st.sampled_from(["a", "<x>"]), word_delimiter_token=st.just("b"), cleanup=FLAGS),
    of("Replace", pattern=PATTERN, content=st.text(alphabet=CHARACTERS, max_size=2)),
    of("Strip", content=st.sampled_from(" a▁"), start=st.integers(0, 2), stop=st.integers(0, 1)),
    key="decoders",
    most=4,
)


def text_piece(names: str) -> st.SearchStrategy[Json]:
    """A text of a template."""
    piece = st.fixed_dictionaries({"id": st.sampled_from(names), "type_id": st.integers(0, 2)})
    return piece.map(lambda piece: {"Sequence": piece})


SPECIAL_PIECE = st.integers(0, 2).map(lambda type_id: {"SpecialToken": {"id": "<x>", "type_id": type_id}})
SINGLE = st.lists(text_piece("A") | SPECIAL_PIECE, max_size=3)
NAMED = st.sampled_from([["<x>", 3], ["[C]", 1]])
POST_PROCESSORS = some(
    BYTE_LEVEL,
    of("BertProcessing", sep=NAMED, cls=NAMED),
    of("RobertaProcessing", sep=NAMED, cls=NAMED, trim_offsets=FLAGS, add_prefix_space=FLAGS),
    of(
        "TemplateProcessing",
        single=SINGLE,
        pair=st.lists(text_piece("AB") | SPECIAL_PIECE, max_size=4),
        special_tokens=st.just({"<x>": {"id": "<x>", "ids": [3, 1], "tokens": ["<x>", "[C]"]}}),
    ),
    key="processors",
    most=2,
)


@st.composite
def added_tokens(draw: st.DrawFn) -> list[Json]:
    """Added tokens with ids that mean nothing; the special ones are such that no normalizer can make them."""
    entries = []
    for content in draw(st.lists(st.sampled_from(ADDED), max_size=4, unique=True)):
        flags = {name: draw(FLAGS) for name in ("single_word", "lstrip", "rstrip", "normalized")}
        special = content in SPECIAL and draw(FLAGS)
        if special:
            flags |= {"single_word": False, "normalized": False}
        entries.append(added(content, draw(st.integers(0, 99)), **flags, special=special))
    return entries


@st.composite
def vocabularies(draw: st.DrawFn, *, with_bytes: bool) -> dict[str, int]:
    """Tokens with ids that may have gaps; bytes, byte tokens and special tokens among them."""
    alphabet = BYTES if with_bytes else [*CHARACTERS]
    removed = draw(st.sets(st.sampled_from(alphabet), max_size=2))
    tokens = [each for each in alphabet if each not in removed]
    tokens += draw(st.lists(TOKENS | st.sampled_from(["", "##a", "a</w>", "<x>", "[C]"]), max_size=9))
    if draw(FLAGS):
        tokens += [f"<0x{byte:02X}>" for byte in range(256) if byte not in draw(st.just({0x0A, 0x98}))]
    gap = draw(st.integers(0, 2))
    return {token: index + (gap if index > 5 else 0) for index, token in enumerate(dict.fromkeys(tokens))}


@st.composite
def bpe(draw: st.DrawFn) -> Json:
    """A BPE with random merges."""
    vocab = draw(vocabularies(with_bytes=draw(FLAGS)))
    prefix = draw(st.sampled_from(["", "", "", "##"]))
    suffix = draw(st.sampled_from([None, None, "", "</w>"]))
    merges: list[Any] = ["#version: 0.2"] if draw(FLAGS) and not prefix else []
    next_id = max(vocab.values()) + 1
    for _ in range(draw(st.integers(0, 7))):
        lefts = [token for token in vocab if token and " " not in token]
        rights = [token for token in lefts if token.startswith(prefix)]  # others end the package by a panic
        if not rights:
            break
        left, right = draw(st.sampled_from(lefts)), draw(st.sampled_from(rights))
        merged = left + right[len(prefix) :]
        if merged not in vocab:
            vocab[merged] = next_id
            next_id += 1
        as_text = merges[:1] == ["#version: 0.2"]
        merges.append(f"{left} {right}" if as_text else [left, right])
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": draw(st.sampled_from([None, "a", "<x>", "[C]", "?"])),
        "continuing_subword_prefix": prefix or draw(st.sampled_from([None, ""])),
        "end_of_word_suffix": suffix,
        "fuse_unk": draw(FLAGS),
        "byte_fallback": draw(FLAGS) and not (prefix or suffix),
        "ignore_merges": draw(FLAGS),
        "vocab": vocab,
        "merges": merges,
    }


@st.composite
def by_words(draw: st.DrawFn) -> Json:
    """A WordPiece or a WordLevel."""
    vocab = draw(vocabularies(with_bytes=False))
    unknown = draw(st.sampled_from(["a", "<x>", "?"]))
    if draw(FLAGS):
        return {"type": "WordLevel", "vocab": vocab, "unk_token": unknown}
    return {
        "type": "WordPiece",
        "vocab": vocab,
        "unk_token": unknown,
        "continuing_subword_prefix": draw(st.sampled_from(["##", ""])),
        "max_input_chars_per_word": draw(st.sampled_from([2, 100])),
    }


@st.composite
def unigram(draw: st.DrawFn) -> Json:
    """A Unigram; some tokens may be given twice."""
    tokens = ["<unk>", *draw(vocabularies(with_bytes=False)), *draw(st.lists(TOKENS, max_size=4))]
    scores = draw(st.lists(st.integers(-9, 0), min_size=len(tokens), max_size=len(tokens)))
    return {
        "type": "Unigram",
        "unk_id": draw(st.sampled_from([0, 0, 3, None])),
        "vocab": [
            [token, score - index / 64]
            for index, (token, score) in enumerate(zip(tokens, scores, strict=True))
        ],
        "byte_fallback": draw(FLAGS),
    }


PADDING = {
    "strategy": "BatchLongest",
    "direction": "Left",
    "pad_to_multiple_of": 8,
    "pad_id": 9,
    "pad_type_id": 0,
    "pad_token": "[PAD]",
}
TRUNCATION = {"max_length": 5, "stride": 9, "strategy": "OnlySecond", "direction": "Left"}

MODELS: dict[str, Callable[[], st.SearchStrategy[Json]]] = {"bpe": bpe, "words": by_words, "unigram": unigram}


@st.composite
def documents(draw: st.DrawFn, kind: str) -> Json:
    """A tokenizer.json with a model of a kind."""
    return document(
        draw(MODELS[kind]()),
        normalizer=draw(NORMALIZERS),
        pre_tokenizer=draw(PRE_TOKENIZERS),
        post_processor=draw(POST_PROCESSORS),
        decoder=draw(DECODERS),
        added_tokens=draw(added_tokens()),
        padding=draw(st.none() | st.just(PADDING)),
        truncation=draw(st.none() | st.just(TRUNCATION)),
    )
