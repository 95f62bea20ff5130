"""Pre-tokenizers beside the tokenizers package, over all of Unicode."""

from tokenizers.pre_tokenizers import UnicodeScripts

from hornbook.tokenizer.json_object import JsonObject
from hornbook.tokenizer.steps.aligned_text import AlignedText
from hornbook.tokenizer.steps.pre_tokenizers import build_pre_tokenizer

CHARACTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]


def test_scripts_of_all_characters() -> None:
    split = build_pre_tokenizer(JsonObject({"type": "UnicodeScripts"}, "tokenizer.json"))
    for text in (
        "".join(CHARACTERS),
        "".join(f"{each}a" for each in CHARACTERS[::7]),
        "  日か a\u0378ー",
        " ",
        "",
    ):
        words = [word.text for word in split(AlignedText(text))]
        assert words == [word for word, _ in UnicodeScripts().pre_tokenize_str(text)]
