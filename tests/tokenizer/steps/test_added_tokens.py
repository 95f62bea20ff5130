"""Added tokens beside the tokenizers package: which of several is found, and what it takes with it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tokenizer.beside import Beside, added, document

from hornbook.errors import TokenizerError
from hornbook.tokenizer import Tokenizer

CHARACTERS = {character: index for index, character in enumerate("<>abc ")}
WORDS = {"type": "BPE", "vocab": CHARACTERS, "merges": []}


@pytest.fixture(scope="module")
def prefixes() -> Beside:
    """Special tokens that are prefixes of others, the short ones first."""
    contents = ["<a>", "<a>b", "<a>bc", "<a"]
    return Beside(document(WORDS, added_tokens=[added(each, 6 + i) for i, each in enumerate(contents)]))


@settings(deadline=None)
@given(st.text(alphabet="<>abc ") | st.lists(st.sampled_from(["<a>", "<a>b", "bc", "<a"])).map("".join))
def test_the_longest_of_the_special_tokens_that_begin_alike_is_found(prefixes: Beside, text: str) -> None:
    prefixes.check(text)


def test_only_those_that_are_allowed_compete(prefixes: Beside) -> None:
    assert prefixes.ours.encode("<a>bc", allowed_special={"<a>", "<a>b"}) == [7, CHARACTERS["c"]]


def test_the_longest_disallowed_token_is_named(prefixes: Beside) -> None:
    with pytest.raises(TokenizerError, match="special token '<a>bc' at position 1"):
        prefixes.ours.encode("b<a>bc", disallowed_special="all")


def test_a_token_listed_twice_is_refused() -> None:
    twice = document(WORDS, added_tokens=[added("<a>", 6), added("<a>", 7)])
    with pytest.raises(TokenizerError, match="'<a>' is given twice"):
        Tokenizer(twice)
