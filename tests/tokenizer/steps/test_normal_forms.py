"""Normal forms character by character: text and alignment equal those of the tokenizers package."""

import json
import unicodedata

import pytest
import tokenizers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.tokenizer.beside import document

from hornbook.tokenizer import Tokenizer
from hornbook.tokenizer.steps.normal_forms import Form

FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")
MARKS = "\u0301\u0323\u0327\u0308\u0316\u093c\u3099"
LETTERS = "aAeế\u1ed9\u1e69\u00e7\u01d6\u0958か각a\u1100\u1161\u11a8ﬁ½ "


@pytest.mark.parametrize("form", FORMS)
@settings(deadline=None)
@given(st.text(alphabet=MARKS + LETTERS, max_size=12))
@example("\u00e1\u0323")  # the second mark goes before the one that is part of the letter
@example("\u1e69\u0327")
@example("a\u0301\u0323b")
def test_every_character_comes_from_where_the_oracle_says(form: Form, text: str) -> None:
    alphabet = dict.fromkeys("".join(unicodedata.normalize(each, text) for each in FORMS))
    vocab = {character: index for index, character in enumerate(alphabet)}
    content = document({"type": "BPE", "vocab": vocab, "merges": []}, normalizer={"type": form})
    expected = tokenizers.Tokenizer.from_str(json.dumps(content)).encode(text)
    spans = Tokenizer(content).encode_with_spans(text)
    assert spans == [(i, *span) for i, span in zip(expected.ids, expected.offsets, strict=True)]
