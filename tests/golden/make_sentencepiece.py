"""Writes tests/golden/sentencepiece_models/: small models that SentencePiece trained, and its ids of texts.

Run it with sentencepiece installed.
"""

import io
import json
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sentencepiece

TARGET = Path(__file__).parent / "sentencepiece_models"

CORPUS = [
    "The quick brown fox jumps over the lazy dog, and the dog sleeps.",
    "She sells sea shells by the sea shore; the shells she sells are sea shells.",
    "Über den Wolken muß die Freiheit wohl grenzenlos sein.",
    "Быстрая коричневая лиса перепрыгивает через ленивую собаку.",
    "いろはにほへと ちりぬるを わかよたれそ つねならむ",
    "1 22 333 4444 numbers, and (more) numbers: 2024, 2025!",
] * 3

TEXTS = [
    "",
    " ",
    "a",
    "The dog sells shells.",
    "  two  spaces   and tabs\tand\nlines",
    "the end  ",
    "Über ﬁne ½ \uff21\uff22\uff23 ㌔ e\u0301 \u200b",
    "собаку は いろは",
    "unknown: 漢字 😀 ∑ \U00020000",
    "and ▁marks▁ ▁▁ more",
    "the<sep>dog <sep> the",
    "x" * 13 + "\u3000" + "the" * 5,
    "\x00\x01control\x7f",
]

RULES = (
    "FF21\t41\nFF22\t42\nFF23\t43\nFB01\t66 69\n9\t20\nA\t20\n3000\t20\nBD\t31 2044 32\n65 301\tE9\n200B\t\n"
)
"""A few of NFKC's, which as a whole takes 240 kB: from code points to code points."""

KINDS: dict[str, dict[str, Any]] = {
    "unigram": {"model_type": "unigram", "vocab_size": 173, "normalization_rule_tsv": RULES},
    "unigram_bytes": {"model_type": "unigram", "vocab_size": 397, "byte_fallback": True},
    "bpe": {"model_type": "bpe", "vocab_size": 211, "normalization_rule_tsv": RULES},
    "bpe_bytes": {
        "model_type": "bpe",
        "vocab_size": 431,
        "byte_fallback": True,
        "remove_extra_whitespaces": False,
    },
    "bpe_symbols": {"model_type": "bpe", "vocab_size": 191, "user_defined_symbols": ["<sep>"], "pad_id": 3},
    "bpe_suffix": {"model_type": "bpe", "vocab_size": 181, "treat_whitespace_as_suffix": True},
    "bpe_plain": {"model_type": "bpe", "vocab_size": 181, "add_dummy_prefix": False},
    "char": {"model_type": "char", "vocab_size": 97},
}


def train(settings: dict[str, Any]) -> bytes:
    """The content of a model's file."""
    model = io.BytesIO()
    options = {"normalization_rule_name": "identity", "hard_vocab_limit": False, "character_coverage": 1.0}
    options |= settings
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        if "normalization_rule_tsv" in settings:
            rules.write(RULES)
            rules.flush()
            options["normalization_rule_tsv"] = rules.name
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(CORPUS), model_writer=model, minloglevel=2, num_threads=1, **options
        )
    return model.getvalue()


def main() -> None:
    TARGET.mkdir(exist_ok=True)
    goldens: dict[str, Any] = {"sentencepiece": version("sentencepiece"), "texts": TEXTS, "kinds": {}}
    for name, settings in KINDS.items():
        content = train(settings)
        (TARGET / f"{name}.model").write_bytes(content)
        processor = sentencepiece.SentencePieceProcessor(model_proto=content)
        ids = [processor.encode(text) for text in TEXTS]
        goldens["kinds"][name] = {"ids": ids, "decoded": [processor.decode(each) for each in ids]}
    (TARGET / "ids.json").write_text(
        json.dumps(goldens, indent=1, ensure_ascii=True) + "\n", encoding="ascii"
    )


if __name__ == "__main__":
    main()
