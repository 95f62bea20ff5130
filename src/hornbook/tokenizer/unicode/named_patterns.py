r"""The regular expressions with which well-known families of byte-level tokenizers divide text, by name.

A tokenizer may have several, each of which divides the pieces that the ones before it left. They run through
`compile_pattern`; GPT-2's, Llama 3's and Qwen 2's, for which a native scanner exists, are in `patterns`.

Source: the pre-tokenizers in the tokenizer.json files of these models, and tiktoken's `openai_public.py`.
"""

__all__ = ["NAMED_PATTERNS", "family_of"]

_SPACES = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_BEFORE = r"[^\r\n\p{L}\p{N}]?"
_ENDINGS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_ASCII_PUNCTUATION = r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]".replace(r"\"", '"')

NAMED_PATTERNS: dict[str, tuple[str, ...]] = {
    "o200k": (
        f"{_BEFORE}{_UPPER}*{_LOWER}+{_ENDINGS}?|{_BEFORE}{_UPPER}+{_LOWER}*{_ENDINGS}?"
        rf"|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*{_SPACES}",
    ),
    "tekken": (
        f"{_BEFORE}{_UPPER}*{_LOWER}+|{_BEFORE}{_UPPER}+{_LOWER}*"
        rf"|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*{_SPACES}",
    ),
    "qwen35": (
        rf"{_ENDINGS}|{_BEFORE}[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*{_SPACES}",
    ),
    "deepseek-v3": (
        r"\p{N}{1,3}",
        "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
        rf"{_ASCII_PUNCTUATION}[A-Za-z]+|[^\r\n\p{{L}}\p{{P}}\p{{S}}]?[\p{{L}}\p{{M}}]+"
        rf"| ?[\p{{P}}\p{{S}}]+[\r\n]*{_SPACES}",
    ),
    "cl100k": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+"
        r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    ),
}
"""Named after the vocabulary or the model that brought them.

tiktoken writes `{1,3}+` in cl100k: possessive in its engine, but in Oniguruma a repeat of the repeat.
"""


def family_of(expressions: tuple[str, ...]) -> str | None:
    """The name of a family's expressions, in their order; None if no family has just these."""
    return next((name for name, known in NAMED_PATTERNS.items() if known == expressions), None)
