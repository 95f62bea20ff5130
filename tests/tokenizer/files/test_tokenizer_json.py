import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tokenizers

from hornbook.errors import TokenizerError
from hornbook.tokenizer import BPETokenizer, Tokenizer
from hornbook.tokenizer.unicode.byte_alphabet import BYTE_TO_CHARACTER

Edit = Callable[[dict[str, Any]], None]
WriteJson = Callable[[Edit], Path]

BYTES = {character: token_id for token_id, character in enumerate(BYTE_TO_CHARACTER)}
SMALL = {**BYTES, "he": 256, "Ġt": 257, "Ġthe": 258, "<|endoftext|>": 259}
SMALL_MERGES = "#version: 0.2\nh e\nĠ t\nĠt he\n"


def load(folder: Path, vocab: Any = SMALL, merges: str | bytes = SMALL_MERGES) -> BPETokenizer:
    """Writes the two files and reads them; a `vocab` of bytes is written as it is."""
    content = vocab if isinstance(vocab, bytes) else json.dumps(vocab).encode()
    (folder / "vocab.json").write_bytes(content)
    (folder / "merges.txt").write_bytes(merges if isinstance(merges, bytes) else merges.encode())
    return BPETokenizer.from_files(folder / "vocab.json", folder / "merges.txt")


def refused(folder: Path, vocab: Any = SMALL, merges: str | bytes = SMALL_MERGES) -> str:
    """The message, which is one line and names a file."""
    with pytest.raises(TokenizerError) as caught:
        load(folder, vocab, merges)
    message = str(caught.value)
    assert message.startswith(str(folder))
    assert "\n" not in message
    assert len(message) < len(str(folder)) + 250
    return message.removeprefix(f"{folder}/")


def test_small_files_by_hand(tmp_path: Path) -> None:
    tokenizer = load(tmp_path)
    assert tokenizer.encode(" the the") == [258, 258]
    assert tokenizer.special_tokens == {"<|endoftext|>": 259}
    assert tokenizer.eos_token_id == 259


def test_merges_with_crlf_and_without_version_or_last_newline(tmp_path: Path) -> None:
    for merges in ("h e\r\nĠ t\r\nĠt he\r\n", "h e\nĠ t\nĠt he", "#version: 0.2\r\nh e\r\nĠ t\r\nĠt he"):
        assert load(tmp_path, merges=merges).encode(" the") == [258]


def test_no_special_token_is_no_error(tmp_path: Path) -> None:
    tokenizer = load(tmp_path, BYTES, "#version: 0.2\n")
    assert tokenizer.special_tokens == {}
    assert tokenizer.bos_token_id is tokenizer.eos_token_id is None
    assert tokenizer.encode("hé<|endoftext|>", allowed_special="all") == list("hé<|endoftext|>".encode())


@pytest.mark.parametrize(
    ("vocab", "message"),
    [
        (b"", "vocab.json: not valid JSON"),
        (b"[" * 100_000, "vocab.json: JSON nesting too deep"),
        (b"\xef\xbb\xbf{}", "vocab.json: starts with a byte order mark"),
        (b"\xff{}", "vocab.json: not UTF-8 at byte 0"),
        ([], "vocab.json: expected an object of tokens and their ids, got []"),
        ({}, "vocab.json: no token for byte 0x00, expected 'Ā'"),
        ({"a": "0"}, "vocab.json: the id of token 'a' must be an integer from 0 to 2147483646, got '0'"),
        ({"a": True}, "the id of token 'a' must be an integer from 0 to 2147483646, got True"),
        ({"a": 0.0}, "the id of token 'a' must be an integer from 0 to 2147483646, got 0.0"),
        ({"a": None}, "the id of token 'a' must be an integer from 0 to 2147483646, got None"),
        ({"a": [[[[5] * 99]]] * 99}, "the id of token 'a' must be an integer from 0 to 2147483646, got [["),
        ({**SMALL, "he": -1}, "the id of token 'he' must be an integer from 0 to 2147483646, got -1"),
        ({**SMALL, "he": 2**31 - 1}, "the id of token 'he' must be an integer from 0 to 2147483646"),
        ({**SMALL, "▁the": 260}, "token '▁the' (id 260) is not made by any merge"),
        ({**SMALL, "\ud800": 260}, r"token '\ud800' has a lone surrogate"),
        ({**SMALL, "Ġnever": 260}, "token 'Ġnever' (id 260) is not made by any merge"),
    ],
)
def test_bad_vocabularies(tmp_path: Path, vocab: Any, message: str) -> None:
    assert message in refused(tmp_path, vocab)


@pytest.mark.parametrize(
    ("merges", "message"),
    [
        (b"", "merges.txt: empty file, expected two tokens a line"),
        (b"\xff", "merges.txt: not UTF-8 at byte 0"),
        ("#version: 0.2\nh e\nĠ  t\n", "merges.txt: line 3: expected two tokens and one space, got 'Ġ  t'"),
        ("h \n", "merges.txt: line 1: expected two tokens and one space, got 'h '"),
        ("h e\nhe\n", "merges.txt: line 2: expected two tokens and one space, got 'he'"),
        ("h e x\n", "merges.txt: line 1: expected two tokens"),
        ("h e\n\nĠ t\n", "merges.txt: line 2: expected two tokens and one space, got ''"),
        ("h\te\n", r"merges.txt: line 1: expected two tokens and one space, got 'h\te'"),
        ("hx e\n", "merges.txt: line 1: merge of 'hx' and 'e': token 'hx' is not in the vocabulary"),
        ("h ex\n", "token 'ex' is not in the vocabulary"),
        ("h e\nt h\n", "merges.txt: line 2: merge of 't' and 'h': token 'th' is not in the vocabulary"),
        ("h e\nĠ t\n", "vocab.json: token 'Ġthe' (id 258) is not made by any merge"),
    ],
)
def test_bad_merges(tmp_path: Path, merges: str | bytes, message: str) -> None:
    assert message in refused(tmp_path, merges=merges)


def test_a_missing_byte_is_named(tmp_path: Path) -> None:
    without = [character for character in BYTES if character != "Ċ"]
    assert "no token for byte 0x0A, expected 'Ċ'" in refused(
        tmp_path, {character: token_id for token_id, character in enumerate(without)}, "#version: 0.2\n"
    )


def test_huge_files_are_not_read(tmp_path: Path) -> None:
    load(tmp_path)
    for name in ("merges.txt", "vocab.json"):
        with (tmp_path / name).open("r+b") as stream:
            stream.truncate(50 * 1024 * 1024 + 1)
        with pytest.raises(TokenizerError, match=f"{name}: 52428801 bytes, expected at most 52428800"):
            BPETokenizer.from_files(tmp_path / "vocab.json", tmp_path / "merges.txt")


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"vocab\.json"):
        BPETokenizer.from_files(tmp_path / "vocab.json", tmp_path / "merges.txt")
    with pytest.raises(FileNotFoundError, match=r"tokenizer\.json"):
        BPETokenizer.from_file(str(tmp_path / "tokenizer.json"))


def test_saved_files_are_the_ones_that_were_read(
    tiny: BPETokenizer, tiny_folder: Path, tmp_path: Path
) -> None:
    tiny.save_files(tmp_path)
    for name in ("vocab.json", "merges.txt"):
        assert (tmp_path / name).read_bytes() == (tiny_folder / name).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["merges.txt", "vocab.json"]


def test_the_single_file_is_the_same_tokenizer(
    tiny: BPETokenizer, tokenizer_json: WriteJson, tmp_path: Path
) -> None:
    single = BPETokenizer.from_file(tokenizer_json(lambda content: None))
    assert single.special_tokens == tiny.special_tokens
    assert single.encode("Once upon a time<|endoftext|>") == tiny.encode("Once upon a time<|endoftext|>")
    single.save_files(tmp_path)
    again = BPETokenizer.from_files(tmp_path / "vocab.json", tmp_path / "merges.txt")
    assert again.encode("Once upon") == tiny.encode("Once upon")


def old_spelling(content: dict[str, Any]) -> None:
    """Merges as strings, and nothing written that has a default: as files of 2020 are."""
    model = content["model"]
    content["model"] = {"vocab": model["vocab"], "merges": [" ".join(merge) for merge in model["merges"]]}
    del content["pre_tokenizer"]["use_regex"]


def prefixed(content: dict[str, Any]) -> None:
    content["pre_tokenizer"]["add_prefix_space"] = True


def unsplit(content: dict[str, Any]) -> None:
    content["pre_tokenizer"]["use_regex"] = False


def with_added(content: dict[str, Any]) -> None:
    flags = dict.fromkeys(("lstrip", "rstrip", "single_word", "normalized"), False)
    for token_id, (token, special) in enumerate(
        [("[PAD]", True), ("a  b", False), ("a  bé", False)], start=8192
    ):
        content["added_tokens"].append({"id": token_id, "content": token, "special": special, **flags})


def prefixed_with_added(content: dict[str, Any]) -> None:
    prefixed(content)
    with_added(content)


TEXTS = [
    "",
    " ",
    "a",
    "  a",
    "Once upon a time\n",
    "''s",
    "x[PAD]y<|endoftext|> z",
    "a  béa  b[PAD]<|endoftext|>a  b ",
    "<|endoftext|>" * 3,
    "日本語 é\u0301 😀\u200d \x1c\x85x\u3000",
]


@pytest.mark.parametrize("edit", [old_spelling, prefixed, unsplit, with_added, prefixed_with_added])
def test_settings_of_the_single_file_do_what_the_oracle_does(tokenizer_json: WriteJson, edit: Edit) -> None:
    path = tokenizer_json(edit)
    ours = BPETokenizer.from_file(path)
    oracle = tokenizers.Tokenizer.from_file(str(path))
    for text in TEXTS:
        ids = oracle.encode(text).ids
        assert ours.encode(text, allowed_special="all") == ids
        assert [token_id for token_id, _, _ in ours.encode_with_spans(text, allowed_special="all")] == ids
        assert ours.decode(ids) == oracle.decode(ids, skip_special_tokens=False)
        assert ours.decode(ids, skip_special_tokens=True) == oracle.decode(ids)
        oracle.encode_special_tokens = True
        assert ours.encode(text) == oracle.encode(text).ids
        oracle.encode_special_tokens = False


def test_a_prefix_space_stands_where_the_first_character_does(tokenizer_json: WriteJson) -> None:
    tokenizer = BPETokenizer.from_file(tokenizer_json(prefixed))
    assert [span[1:] for span in tokenizer.encode_with_spans("日")][:2] == [(0, 1), (0, 1)]
    assert tokenizer.encode_with_spans("the") == [(tokenizer.encode(" the")[0], 0, 3)]


@pytest.mark.parametrize("edit", [prefixed, unsplit, with_added])
def test_what_two_files_cannot_hold_is_not_saved(
    tokenizer_json: WriteJson, edit: Edit, tmp_path: Path
) -> None:
    tokenizer = BPETokenizer.from_file(tokenizer_json(edit))
    (tmp_path / "out").mkdir()
    with pytest.raises(TokenizerError, match="save_files: "):
        tokenizer.save_files(tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_an_added_token_is_special_only_if_marked(tokenizer_json: WriteJson) -> None:
    def edit(content: dict[str, Any]) -> None:
        content["added_tokens"].append({"id": 8192, "content": "hornbook"})

    tokenizer = BPETokenizer.from_file(tokenizer_json(edit))
    assert tokenizer.special_tokens == {"<|endoftext|>": 0}
    assert tokenizer.encode("hornbook", disallowed_special="all") == [8192]
    assert tokenizer.decode([8192], skip_special_tokens=True) == "hornbook"


def test_added_special_tokens_are_saved(tokenizer_json: WriteJson, tmp_path: Path) -> None:
    def edit(content: dict[str, Any]) -> None:
        content["added_tokens"].append({"id": 8192, "content": "[PAD]", "special": True})

    BPETokenizer.from_file(tokenizer_json(edit)).save_files(tmp_path)
    again = BPETokenizer.from_files(tmp_path / "vocab.json", tmp_path / "merges.txt")
    assert again.special_tokens == {"<|endoftext|>": 0, "[PAD]": 8192}
    assert again.encode("[PAD]", allowed_special="all") == [8192]


def put(value: Any, *keys: Any) -> Edit:
    """An edit that sets one value in the document."""

    def edit(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return edit


ADDED = {"id": 8192, "content": "[X]", "special": True}
TEMPLATE = {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}]}
WITH_END = [*TEMPLATE["single"], {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}]


@pytest.mark.parametrize(
    "edit",
    [
        put(None, "post_processor"),
        put({"type": "ByteLevel", "trim_offsets": False}, "post_processor"),
        put(TEMPLATE, "post_processor"),
        put("", "model", "continuing_subword_prefix"),
        put("", "model", "end_of_word_suffix"),
        put(0.0, "model", "dropout"),
        put(True, "added_tokens", 0, "normalized"),
        put([], "added_tokens"),
        put({"type": "NFC", "x": 1}, "normalizer"),
        put(0.1, "model", "dropout"),
        put("[UNK]", "model", "unk_token"),
        put(True, "model", "byte_fallback"),
        put("x", "model", "novelty"),
        put(9000, "model", "vocab", "é"),
        put(9000, "model", "vocab", ""),
        put("#version: 0.2", "model", "merges", -1),
        put([ADDED, ADDED], "added_tokens"),
        put([{**ADDED, "id": 9000}], "added_tokens"),
        put([{**ADDED, "content": ""}], "added_tokens"),
        put(7, "added_tokens", 0, "id"),
        put({"pad_token": "[P]", "pad_id": 5}, "padding"),
        put({"max_length": 3, "direction": "Up", "strategy": "Other"}, "truncation"),
        put(1, "extension"),
    ],
)
def test_neutral_settings_are_accepted(tokenizer_json: WriteJson, tiny: BPETokenizer, edit: Edit) -> None:
    assert BPETokenizer.from_file(tokenizer_json(edit)).encode("Once upon") == tiny.encode("Once upon")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (put({"type": "Rot13"}, "normalizer"), "normalizer: type must be one of BertNormalizer, "),
        (
            put({"type": "Replace", "pattern": {"Regex": r"a\Gb"}, "content": "b"}, "normalizer"),
            r"normalizer: pattern: regular expression 'a\\Gb': '\\G' at 1 is not supported",
        ),
        (put({"type": "Precompiled", "precompiled_charsmap": "?"}, "normalizer"), "is not base64"),
        (
            put({"type": "Precompiled", "precompiled_charsmap": "////fw=="}, "normalizer"),
            "the first 4 bytes say",
        ),
        (
            put("Neural", "pre_tokenizer", "type"),
            "pre_tokenizer: type must be one of BertPreTokenizer",
        ),
        (put(1, "pre_tokenizer", "use_regex"), "use_regex must be true or false, got 1"),
        (put(1, "pre_tokenizer", "add_prefix_space"), "add_prefix_space must be true or false, got 1"),
        (
            put({"type": "Neural"}, "decoder"),
            "decoder: type must be one of ",
        ),
        (
            put({"type": "BertProcessing"}, "post_processor"),
            "post_processor: cls must be a token and its id",
        ),
        (
            put({**TEMPLATE, "single": WITH_END}, "post_processor"),
            "id: '<|endoftext|>' is not among special_tok",
        ),
        (put(5, "post_processor"), "post_processor: expected an object, got 5"),
        (put(None, "model"), "model: expected an object, got None"),
        (
            put("Neural", "model", "type"),
            "model: type must be one of BPE, Unigram, WordLevel, WordPiece; got",
        ),
        (put(8192, "model", "vocab", "\ud800"), "model: vocab: token '\\ud800' has a lone surrogate"),
        (put({"type": "Prepend", "prepend": "\ud800"}, "normalizer"), "prepend must be text, got '\\ud800'"),
        (put([], "model", "vocab"), "model: vocab: expected an object of tokens and their ids, got []"),
        (put({}, "model", "merges"), "model: merges expected a list, got {}"),
        (put("a b c", "model", "merges", 5), "model: merges[5]: expected two tokens, got 'a b c'"),
        (put(["a"], "model", "merges", 5), "model: merges[5]: expected two tokens, got ['a']"),
        (put(["a", 5], "model", "merges", 5), "model: merges[5]: expected two tokens, got ['a', 5]"),
        (put(["zq", "qz"], "model", "merges", 5), "merges[5]: of 'zq' and 'qz': token 'zq' is not in"),
        (put(5, "added_tokens"), "added_tokens expected a list, got 5"),
        (put([5], "added_tokens"), "added_tokens[0]: expected an object, got 5"),
        (put([{**ADDED, "content": "\ud800"}], "added_tokens"), r"content must be text, got '\ud800'"),
        (put([{**ADDED, "special": 1}], "added_tokens"), "added_tokens[0]: special must be true or false"),
        (
            put({"max_length": -1}, "truncation"),
            "truncation: max_length must be an integer of 0 or more, got -1",
        ),
    ],
)
def test_what_is_damaged_or_not_supported_is_named(
    tokenizer_json: WriteJson, edit: Edit, message: str
) -> None:
    path = tokenizer_json(edit)
    with pytest.raises(TokenizerError) as caught:
        BPETokenizer.from_file(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_kinds_are_not_byte_level(tokenizer_json: WriteJson) -> None:
    path = tokenizer_json(put({"type": "Whitespace"}, "pre_tokenizer"))
    with pytest.raises(TokenizerError, match="not a byte-level BPE; Tokenizer"):
        BPETokenizer.from_file(path)
    assert Tokenizer.from_file(path).encode("the cat")


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b'{"model": {}}', b"[" * 100_000])
def test_damaged_single_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(TokenizerError, match=r"tokenizer\.json"):
        BPETokenizer.from_file(path)
