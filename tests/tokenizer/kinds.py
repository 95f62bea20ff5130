"""Tokenizers of all kinds, as Hugging Face's package makes and spells them: the oracles of `test_kinds`."""

import base64
import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from tests.tokenizer.double_array import charsmap
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from hornbook.tokenizer.unicode.patterns import PATTERNS

TEXT = (
    "The quick brown fox jumps over the lazy dog. It's 2025, isn't it? Don't! We've 1,234.5 apples & pears.\n"
    "Une forêt à côté; Äpfel, Öl und Straße. Ça va? İstanbul ıssız. Όλοι οι ΆΝΘΡΩΠΟΙ. Все люди рождаются.\n"
    "日本語のテキスト、中文字符。 한국어 텍스트 नमस्ते दुनिया مرحبا بالعالم שלום\tx  y   z\r\n"
    " 😀 👩\u200d👧 e\u0301 ﬁ Ⅳ ½ ①\u200b\xa0\u3000"
) * 3

SPECIAL = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")


def trained(model: Any, trainer_options: Mapping[str, Any] | None = None, **parts: Any) -> Tokenizer:
    """A tokenizer with a model trained on `TEXT`."""
    tokenizer = Tokenizer(model)
    for name, part in parts.items():
        if name != "post_processor":
            setattr(tokenizer, name, part)
    options = {"vocab_size": 600, "show_progress": False, "special_tokens": list(SPECIAL)}
    trainer = type(model.get_trainer())(**{**options, **(trainer_options or {})})
    tokenizer.train_from_iterator(TEXT.splitlines(), trainer)
    if "post_processor" in parts:
        tokenizer.post_processor = parts["post_processor"](tokenizer)
    return tokenizer


def named(tokenizer: Tokenizer, token: str) -> tuple[str, int]:
    """A token and its id."""
    token_id = tokenizer.token_to_id(token)
    assert token_id is not None
    return token, token_id


def template(tokenizer: Tokenizer) -> Any:
    """[CLS] A [SEP] and [CLS] A [SEP] B [SEP]."""
    return processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[named(tokenizer, token) for token in ("[CLS]", "[SEP]")],
    )


def bert(**options: Any) -> Tokenizer:
    return trained(
        models.WordPiece(unk_token="[UNK]"),
        normalizer=normalizers.BertNormalizer(**options),
        pre_tokenizer=pre_tokenizers.BertPreTokenizer(),
        decoder=decoders.WordPiece(),
        post_processor=lambda t: processors.BertProcessing(named(t, "[SEP]"), named(t, "[CLS]")),
    )


def byte_level(
    *, prefix: bool = False, processor: Callable[[Tokenizer], Any] | None = None, **parts: Any
) -> Tokenizer:
    options = {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet()}
    usual = {
        "pre_tokenizer": pre_tokenizers.ByteLevel(add_prefix_space=prefix),
        "decoder": decoders.ByteLevel(),
    }
    post = {} if processor is None else {"post_processor": processor}
    return trained(models.BPE(), options, **{**usual, **parts, **post})


def split_by(name: str) -> Any:
    """The pre-tokenizer of a family of models."""
    regex = next(regex for regex, each in reversed(PATTERNS.items()) if each == name)
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(regex), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def roberta(tokenizer: Tokenizer) -> Any:
    begin, end = (named(tokenizer, token) for token in ("[CLS]", "[SEP]"))
    return processors.RobertaProcessing(end, begin, trim_offsets=True, add_prefix_space=False)


def llama3() -> Tokenizer:
    return byte_level(
        pre_tokenizer=split_by("llama3"),
        processor=lambda t: processors.Sequence([processors.ByteLevel(trim_offsets=False), template(t)]),
    )


def ignoring_merges() -> Tokenizer:
    content = json.loads(llama3().to_str())
    content["model"]["ignore_merges"] = True
    vocab = content["model"]["vocab"]
    vocab["Ġjumpsover"], vocab["jumps"] = len(vocab), len(vocab) + 1
    return Tokenizer.from_str(json.dumps(content))


def unigram(**parts: Any) -> Tokenizer:
    usual = {
        "pre_tokenizer": pre_tokenizers.Metaspace(),
        "decoder": decoders.Metaspace(),
        "post_processor": template,
    }
    return trained(models.Unigram(), {"unk_token": "[UNK]"}, **{**usual, **parts})


NFKC_LIKE = {
    "ﬁ": "fi",
    "Ⅳ": "IV",
    "½": "1⁄2",
    "①": "1",
    "e\u0301": "é",
    "\u3000": " ",
    "\xa0": " ",
    "\t": " ",
    "\n": " ",
    "\r": "",
    "\u200b": "",
    "Ä": "Ä",
    "Ａ": "A",
    "㌀": "アパート",
    "か\u3099": "が",
}


def sentencepiece() -> Tokenizer:
    """T5's and XLM-RoBERTa's way."""
    table = base64.b64encode(charsmap(NFKC_LIKE)).decode()
    precompiled = {"type": "Precompiled", "precompiled_charsmap": table}
    spaces = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    content = json.loads(unigram(pre_tokenizer=pre_tokenizers.Metaspace()).to_str())
    content["normalizer"] = {"type": "Sequence", "normalizers": [precompiled, spaces]}
    content["pre_tokenizer"] = {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "WhitespaceSplit"},
            {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True},
        ],
    }
    return Tokenizer.from_str(json.dumps(content))


def llama2() -> Tokenizer:
    """SentencePiece's byte pairs, with bytes for unknown characters."""
    tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = trained(
        models.BPE(unk_token="[UNK]", fuse_unk=True, byte_fallback=True),
        {"special_tokens": ["[UNK]", "[CLS]", "[SEP]"]},
        normalizer=normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]),
        decoder=decoders.Sequence(
            [
                decoders.Replace("▁", " "),
                decoders.ByteFallback(),
                decoders.Fuse(),
                decoders.Strip(" ", 1, 0),
            ]
        ),
        post_processor=template,
    )
    content = json.loads(tokenizer.to_str())
    vocab = content["model"]["vocab"]
    for token in tokens:
        vocab[token] = len(vocab)
    return Tokenizer.from_str(json.dumps(content))


def with_added() -> Tokenizer:
    tokenizer = bert()
    tokenizer.add_tokens(
        [
            AddedToken("hornbook", normalized=True),
            AddedToken("cat", single_word=True, normalized=False),
            AddedToken("<l>", lstrip=True, normalized=False),
            AddedToken("<r>", rstrip=True, normalized=False),
            AddedToken("<b>", lstrip=True, rstrip=True),
        ]
    )
    tokenizer.add_special_tokens([AddedToken("<x>", normalized=True), AddedToken("<x><y>")])
    return tokenizer


def splitting(pre_tokenizer: Any) -> Tokenizer:
    return trained(models.WordLevel(unk_token="[UNK]"), pre_tokenizer=pre_tokenizer)


def normalizing(normalizer: Any) -> Tokenizer:
    return trained(
        models.WordPiece(unk_token="[UNK]"), normalizer=normalizer, pre_tokenizer=pre_tokenizers.Whitespace()
    )


def pairs_of_characters(**options: Any) -> Tokenizer:
    """GPT's first way, with a mark at the end of a word."""
    return trained(
        models.BPE(unk_token="[UNK]", **options),
        {k: v for k, v in options.items() if k.endswith("fix")},
        pre_tokenizer=pre_tokenizers.Whitespace(),
    )


BEHAVIORS = ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous")

KINDS: Mapping[str, Callable[[], Tokenizer]] = {
    "bert": bert,
    "bert-cased": lambda: bert(lowercase=False),
    "bert-accents": lambda: bert(strip_accents=False, handle_chinese_chars=False),
    "bert-dirty": lambda: bert(clean_text=False, lowercase=False, strip_accents=True),
    "bert-template": lambda: trained(
        models.WordPiece(unk_token="[UNK]"),
        pre_tokenizer=pre_tokenizers.BertPreTokenizer(),
        post_processor=template,
    ),
    "added": with_added,
    "gpt2": byte_level,
    "gpt2-prefix": lambda: byte_level(prefix=True),
    "gpt2-trim": lambda: byte_level(
        prefix=True, processor=lambda t: processors.ByteLevel(trim_offsets=True, add_prefix_space=True)
    ),
    "roberta": lambda: byte_level(processor=roberta),
    "llama3": llama3,
    "llama3-whole": ignoring_merges,
    "qwen2": lambda: byte_level(pre_tokenizer=split_by("qwen2"), normalizer=normalizers.NFC()),
    "digits-bytes": lambda: byte_level(
        pre_tokenizer=pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    ),
    "sentences": lambda: byte_level(
        normalizer=normalizers.Sequence([normalizers.Strip(), normalizers.NFC()]), processor=template
    ),
    "unigram": unigram,
    "unigram-first": lambda: unigram(pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="first")),
    "unigram-whole": lambda: unigram(
        pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="never", split=False)
    ),
    "unigram-nmt": lambda: unigram(
        normalizer=normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Lowercase()])
    ),
    "sentencepiece": sentencepiece,
    "llama2": llama2,
    "gpt1": lambda: pairs_of_characters(end_of_word_suffix="</w>"),
    "continuing": lambda: pairs_of_characters(continuing_subword_prefix="##"),
    "fused": lambda: pairs_of_characters(fuse_unk=True),
    **{
        f"split-{behavior}": partial(splitting, pre_tokenizers.Split(" ", behavior)) for behavior in BEHAVIORS
    },
    "split-inverted": lambda: splitting(pre_tokenizers.Split("e", "isolated", invert=True)),
    "words": lambda: splitting(pre_tokenizers.Whitespace()),
    "spaces": lambda: splitting(pre_tokenizers.WhitespaceSplit()),
    "punctuation": lambda: splitting(pre_tokenizers.Punctuation("merged_with_previous")),
    "delimiter": lambda: splitting(pre_tokenizers.CharDelimiterSplit("e")),
    "digits": lambda: splitting(
        pre_tokenizers.Sequence([pre_tokenizers.Digits(), pre_tokenizers.Whitespace()])
    ),
    **{
        f"normal-{name}": partial(normalizing, part)
        for name, part in {
            "nfc": normalizers.NFC(),
            "nfd": normalizers.NFD(),
            "nfkc": normalizers.NFKC(),
            "nfkd": normalizers.NFKD(),
            "accents": normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]),
            "lower": normalizers.Lowercase(),
            "nmt": normalizers.Nmt(),
            "strip": normalizers.Strip(),
            "prepend": normalizers.Prepend("x "),
            "replace": normalizers.Replace("o", "00"),
        }.items()
    },
}
"""Tokenizers by name; made when they are asked for."""


@cache
def oracle(name: str) -> Tokenizer:
    """The tokenizer of that name."""
    return KINDS[name]()
