"""Tokenizers from the files of model folders, beside the same ones in Hugging Face's package."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tests.tokenizer.kinds import TEXT, byte_level, llama3, named, oracle

from hornbook.errors import TokenizerError
from hornbook.tokenizer import BPETokenizer, Tokenizer

MODELS = Path(__file__).parents[2] / "golden" / "sentencepiece_models"
TEXTS = (*TEXT.splitlines()[:3], "Ärger café", "日本", "a [MASK] b")


def spans(theirs: tokenizers.Tokenizer, text: str) -> list[tuple[int, int, int]]:
    encoded = theirs.encode(text)
    return [(i, *span) for i, span in zip(encoded.ids, encoded.offsets, strict=True)]


def write(folder: Path, **files: Any) -> None:
    """`name=content` goes to name.json."""
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def write_bert(folder: Path, end: str = "\n") -> None:
    """A vocab.txt."""
    vocab = oracle("bert").get_vocab()
    words = sorted(vocab, key=lambda word: vocab[word])
    (folder / "vocab.txt").write_bytes("".join(f"{word}{end}" for word in words).encode())


def write_gpt2(folder: Path) -> None:
    """A vocab.json and a merges.txt."""
    model = json.loads(oracle("gpt2").to_str())["model"]
    merges = "".join(f"{left} {right}\n" for left, right in model["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}", encoding="utf-8")
    write(folder, vocab=model["vocab"])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("config", "options"),
    [
        ({}, {}),
        ({"do_lower_case": False}, {"lowercase": False}),
        ({"do_lower_case": True, "strip_accents": False}, {"strip_accents": False}),
        ({"tokenize_chinese_chars": False}, {"handle_chinese_chars": False}),
        ({"tokenizer_class": "DistilBertTokenizer", "model_max_length": 512}, {}),
    ],
)
def test_a_word_list(tmp_path: Path, config: dict[str, Any], options: dict[str, bool], end: str) -> None:
    write_bert(tmp_path, end)
    write(tmp_path, tokenizer_config=config)
    theirs = tokenizers.BertWordPieceTokenizer(str(tmp_path / "vocab.txt"), **options)
    ours = Tokenizer.from_folder(tmp_path)
    for text in TEXTS:
        assert ours.encode_with_spans(text, allowed_special="all") == spans(theirs, text)
    assert ours.max_length == config.get("model_max_length")
    assert [ours.token_id(role) for role in ("cls", "sep", "pad", "mask", "unk")] == [1, 2, 3, 4, 0]


def test_two_files_are_gpt2(tmp_path: Path) -> None:
    write_gpt2(tmp_path)
    theirs = oracle("gpt2")
    theirs.encode_special_tokens = False
    for text in TEXTS:
        ids = Tokenizer.from_folder(tmp_path).encode(text, allowed_special="all")
        assert ids == BPETokenizer.from_folder(tmp_path).encode(text, allowed_special="all")
        assert ids == theirs.encode(text).ids


def test_two_files_and_a_class(tmp_path: Path) -> None:
    write_gpt2(tmp_path)
    roles = {"cls_token": "[CLS]", "sep_token": {"content": "[SEP]"}}
    write(tmp_path, tokenizer_config={"tokenizer_class": "RobertaTokenizer", **roles})
    ours, theirs = Tokenizer.from_folder(tmp_path), tokenizers.Tokenizer.from_str(oracle("gpt2").to_str())
    begin, end = (named(theirs, token) for token in ("[CLS]", "[SEP]"))
    theirs.post_processor = tokenizers.processors.RobertaProcessing(end, begin, add_prefix_space=False)
    theirs.encode_special_tokens = False
    for text in TEXTS:
        assert ours.encode_with_spans(text, allowed_special="all") == spans(theirs, text)
    write(tmp_path, tokenizer_config={"tokenizer_class": "Qwen2Tokenizer"})
    ours = Tokenizer.from_folder(tmp_path)
    assert ours.encode("12 e\u0301") == [*ours.encode("1"), *ours.encode("2"), *ours.encode(" é")]
    write(tmp_path, tokenizer_config={"tokenizer_class": "XLNetTokenizer"})
    with pytest.raises(
        TokenizerError, match=r"tokenizer_class 'XLNetTokenizer' with vocab.json is not supported"
    ):
        Tokenizer.from_folder(tmp_path)


def test_a_single_file_and_what_goes_before_it(tmp_path: Path) -> None:
    write(tmp_path, tokenizer=json.loads(oracle("bert").to_str()))
    assert Tokenizer.from_folder(tmp_path).encode("CAT") == oracle("bert").encode("CAT").ids
    write(tmp_path, tokenizer_config={"do_lower_case": False, "strip_accents": None})
    theirs = json.loads(oracle("bert").to_str())
    theirs["normalizer"]["lowercase"] = False
    expected = tokenizers.Tokenizer.from_str(json.dumps(theirs)).encode("CAT é").ids
    assert Tokenizer.from_folder(tmp_path).encode("CAT é") == expected


@pytest.mark.parametrize("make", [byte_level, llama3])
def test_a_prefix_space_by_configuration(tmp_path: Path, make: Any) -> None:
    document = json.loads(make().to_str())
    write(tmp_path, tokenizer=document, tokenizer_config={"add_prefix_space": True})
    steps = [document["pre_tokenizer"], *document["pre_tokenizer"].get("pretokenizers", [])]
    steps[-1]["add_prefix_space"] = True
    expected = tokenizers.Tokenizer.from_str(json.dumps(document))
    ours = Tokenizer.from_folder(tmp_path)
    for text in TEXTS:
        assert ours.encode_with_spans(text, allowed_special="all") == spans(expected, text)


def test_roles_and_added_tokens(tmp_path: Path) -> None:
    document = json.loads(byte_level().to_str())
    size = len(document["model"]["vocab"])
    write(
        tmp_path,
        tokenizer=document,
        tokenizer_config={
            "pad_token": "<pad>",
            "bos_token": {"content": "[CLS]"},
            "added_tokens_decoder": {str(size): {"content": "<pad>", "special": True, "lstrip": True}},
            "model_max_length": 1e30,
        },
        special_tokens_map={"eos_token": "[SEP]", "bos_token": "[UNK]", "mask_token": "hello"},
        added_tokens={"world": size + 2},
    )
    ours = Tokenizer.from_folder(tmp_path)
    assert (ours.bos_token_id, ours.eos_token_id) == (1, 2)
    assert (ours.token_id("pad"), ours.token_id("mask"), ours.token_id("cls")) == (size, size + 1, 1)
    assert ours.max_length is None
    assert ours.encode("x <pad>hello", allowed_special="all")[1:] == [size, size + 1]
    assert ours.encode("hello") != [size + 1]
    with pytest.raises(TokenizerError, match="role must be one of bos, "):
        ours.token_id("end")


def test_an_ordinary_token_with_a_role_is_special(tmp_path: Path) -> None:
    document = json.loads(byte_level().to_str())
    document["added_tokens"] = []
    write(tmp_path, tokenizer=document, special_tokens_map={"pad_token": "[PAD]"})
    ours = Tokenizer.from_folder(tmp_path)
    assert ours.special_tokens == {"[PAD]": 3}
    assert ours.encode("[PAD]", allowed_special="all") == [3]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"tokenizer_config": {"pad_token": 5}}, "pad_token must be a token, got 5"),
        ({"tokenizer_config": {"pad_token": {"content": 5}}}, "pad_token: content must be text, got 5"),
        ({"tokenizer_config": []}, r"tokenizer_config\.json: expected an object"),
        ({"tokenizer_config": {"added_tokens_decoder": {"x": {}}}}, "x must be the id of a token"),
        ({"tokenizer_config": {"added_tokens_decoder": {"9" * 5000: {}}}}, "must be the id of a token"),
        ({"tokenizer_config": {"added_tokens_decoder": {"5": 5}}}, "5: expected an object, got 5"),
        ({"tokenizer_config": {"add_prefix_space": "yes"}}, "add_prefix_space must be true or false"),
        ({"tokenizer_config": {"model_max_length": 9, "truncation_side": "up"}}, "truncation_side must be"),
        ({"added_tokens": {"x": "y"}}, "x must be an integer of 0 or more"),
        ({"special_tokens_map": {"pad_token": ""}}, "pad_token must be a token"),
        ({"tokenizer": 5}, r"tokenizer\.json: expected an object, got 5"),
        ({"tokenizer": {}}, r"tokenizer\.json: model: expected an object, got None"),
        (
            {"tokenizer": {"added_tokens": [{"content": ["a"]}], "model": {"vocab": [["a", 0]]}}},
            "content must be text",
        ),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, files: dict[str, Any], message: str) -> None:
    write(tmp_path, **{"tokenizer": json.loads(byte_level().to_str()), **files})
    with pytest.raises(TokenizerError, match=message):
        Tokenizer.from_folder(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty file, expected a token a line"),
        (b"\xef\xbb\xbf[UNK]\n[CLS]\n[SEP]\n", "starts with a byte order mark"),
        (b"[UNK]\n[CLS]\n[SEP]\n\xff", "not UTF-8 at byte 18"),
        (b"[UNK]\n[CLS]\nx", r"sep_token '\[SEP\]' is not in the vocabulary"),
    ],
)
def test_damaged_word_lists(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "vocab.txt").write_bytes(content)
    with pytest.raises(TokenizerError, match=message):
        Tokenizer.from_folder(tmp_path)


def test_no_tokenizer_at_all(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"has no tokenizer; expected tokenizer.json, or vocab"):
        Tokenizer.from_folder(tmp_path)
    with pytest.raises(TokenizerError, match="no such folder"):
        Tokenizer.from_folder(tmp_path / "missing")


def test_truncation_goes_by_the_files(tmp_path: Path) -> None:
    write(
        tmp_path,
        tokenizer=json.loads(oracle("bert").to_str()),
        tokenizer_config={"model_max_length": 5, "truncation_side": "left"},
    )
    ours, theirs = (
        Tokenizer.from_folder(tmp_path),
        tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json")),
    )
    assert ours.max_length == 5
    theirs.enable_truncation(5, direction="left")
    batch = ours.encode_batch(
        ["the fox jumps over", "fox"], max_length=ours.max_length, on_overflow="truncate"
    )
    rows = [theirs.encode(text).ids for text in ("the fox jumps over", "fox")]
    assert batch.ids.tolist() == rows[0] + rows[1]
    assert batch.n_lost.tolist()[1] == 0 < batch.n_lost.tolist()[0]
    assert len(ours.encode("the fox jumps over")) == batch.n_tokens[0] > 5


def test_precedence_of_files_that_add_the_same_token(tmp_path: Path) -> None:
    """added_tokens_decoder counts before tokenizer.json, that before roles; added_tokens.json is not read."""
    content = json.loads(oracle("bert").to_str())
    n = len(content["model"]["vocab"])
    content["added_tokens"].append(
        {"id": n, "content": "<0>", "special": False, "lstrip": True, "rstrip": False, "normalized": False}
    )
    content["model"]["vocab"]["<3>"] = n
    decoder = {
        str(n + number): {"content": f"<{number}>", "special": False, "rstrip": True, "normalized": False}
        for number in range(2)
    }
    write(
        tmp_path,
        tokenizer=content,
        tokenizer_config={"added_tokens_decoder": decoder, "mask_token": "<3>", "pad_token": "<2>"},
        added_tokens={"<4>": n + 4},
    )
    ours = Tokenizer.from_folder(tmp_path)
    spans = ours.encode_with_spans("a <0> <1> <2> <3> b", allowed_special="all", add_special_tokens=False)
    assert spans[1:5] == [(n + 1, 2, 6), (n + 2, 6, 10), (n + 3, 10, 13), (n, 14, 17)]
    assert {"<2>", "<3>"} <= set(ours.special_tokens)
    assert not {"<0>", "<1>", "<4>"} & set(ours.special_tokens)
    assert ours.vocab_size == n + 4


def test_an_empty_line_of_a_word_list_takes_its_id_and_the_last_of_equal_ones_counts(
    tmp_path: Path,
) -> None:
    (tmp_path / "vocab.txt").write_bytes(b"[UNK]\n[CLS]\n[SEP]\na\n\nb\na\n")
    ours = Tokenizer.from_folder(tmp_path)
    assert ours.encode("b a c", add_special_tokens=False) == [5, 6, 0]
    assert ours.decode(range(7), skip_special_tokens=True) == "b a"


def test_the_files_of_the_first_release(tmp_path: Path) -> None:
    write_gpt2(tmp_path)
    expected = Tokenizer.from_folder(tmp_path)
    (tmp_path / "vocab.json").rename(tmp_path / "encoder.json")
    (tmp_path / "merges.txt").rename(tmp_path / "vocab.bpe")
    ours = Tokenizer.from_folder(tmp_path)
    assert ours.encode(TEXT) == expected.encode(TEXT) == oracle("gpt2").encode(TEXT).ids


@pytest.mark.parametrize(
    ("config", "special", "bos"),
    [
        ({"bos_token": "[CLS]"}, {"bos_token": "[SEP]"}, 2),
        ({"bos_token": "[CLS]", "added_tokens_decoder": {}}, {"bos_token": "[SEP]"}, 1),
        ({"added_tokens_decoder": {}}, {"bos_token": "[SEP]"}, 2),
        ({"bos_token": "[CLS]"}, {}, 1),
    ],
)
def test_which_file_names_a_special_token(
    tmp_path: Path, config: dict[str, Any], special: dict[str, Any], bos: int
) -> None:
    write(
        tmp_path,
        tokenizer=json.loads(byte_level().to_str()),
        tokenizer_config=config,
        special_tokens_map=special,
    )
    assert Tokenizer.from_folder(tmp_path).bos_token_id == bos


def test_an_unknown_token_with_a_role_is_added(tmp_path: Path) -> None:
    document = json.loads(byte_level().to_str())
    size = len(document["model"]["vocab"])
    write(
        tmp_path,
        tokenizer=document,
        tokenizer_config={
            "pad_token": {"content": "<pad>", "lstrip": True, "normalized": False},
            "additional_special_tokens": ["<a>", {"content": "<b>"}],
        },
    )
    ours = Tokenizer.from_folder(tmp_path)
    assert ours.token_id("pad") == size
    assert ours.encode_with_spans("x <pad><a><b>", allowed_special="all")[1:] == [
        (size, 1, 7),
        (size + 1, 7, 10),
        (size + 2, 10, 13),
    ]


def test_beginning_and_end_by_configuration(tmp_path: Path) -> None:
    write_gpt2(tmp_path)
    write(tmp_path, tokenizer_config={"add_bos_token": True, "bos_token": "[CLS]", "eos_token": "[SEP]"})
    assert Tokenizer.from_folder(tmp_path).encode("") == [1]
    document = json.loads(byte_level().to_str())
    config = {"tokenizer_class": "LlamaTokenizer", "bos_token": "[CLS]", "eos_token": "[SEP]"}
    write(tmp_path, tokenizer=document, tokenizer_config={**config, "add_eos_token": True})
    ours = Tokenizer.from_folder(tmp_path)
    assert ours.encode("") == [1, 2]
    assert ours.encode_pair("", "") == ([1, 2, 1, 2], [0, 0, 1, 1])
    write(tmp_path, tokenizer_config={**config, "add_bos_token": False})
    assert Tokenizer.from_folder(tmp_path).encode("") == []


@pytest.mark.parametrize(
    ("config", "around"),
    [
        ({}, ([], [])),
        ({"tokenizer_class": "LlamaTokenizer"}, ([1], [])),
        ({"tokenizer_class": "LlamaTokenizer", "add_bos_token": False, "add_eos_token": True}, ([], [2])),
        ({"tokenizer_class": "T5Tokenizer"}, ([], [2])),
    ],
)
def test_a_sentencepiece_model(
    tmp_path: Path, config: dict[str, Any], around: tuple[list[int], list[int]]
) -> None:
    model = next(iter(sorted(MODELS.glob("*.model"))))
    shutil.copy(model, tmp_path / "tokenizer.model")
    write(tmp_path, tokenizer_config=config)
    plain = Tokenizer.from_file(model).encode("a b")
    assert plain
    before, after = around
    assert Tokenizer.from_folder(tmp_path).encode("a b") == [*before, *plain, *after]


def test_a_sentencepiece_model_whose_ids_are_others(tmp_path: Path) -> None:
    shutil.copy(next(iter(sorted(MODELS.glob("*.model")))), tmp_path / "sentencepiece.bpe.model")
    write(tmp_path, tokenizer_config={"tokenizer_class": "XLMRobertaTokenizer"})
    with pytest.raises(TokenizerError, match=r"'XLMRobertaTokenizer' with sentencepiece\.bpe\.model is"):
        Tokenizer.from_folder(tmp_path)
