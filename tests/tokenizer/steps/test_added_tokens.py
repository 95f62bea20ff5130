"""Added tokens beside the tokenizers package: which of several is found, and what it takes with it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tokenizer.beside import Beside, added, document

from hornbook.errors import TokenizerError

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


def test_the_last_entry_of_a_token_listed_twice_counts() -> None:
    entries = [added("<a>", 6), added("<a>", 7, lstrip=True), added("<b>", 6), added("", 8), added("a", 9)]
    beside = Beside(document(WORDS, added_tokens=entries))
    beside.check("b <a><b>a")
    assert beside.ours.special_tokens == {"<a>": 6, "<b>": 7, "a": CHARACTERS["a"]}


def test_ids_are_assigned_as_in_the_oracle() -> None:
    vocab = {"a": 0, "b": 1, "c": 5, " ": 9}
    entries = [added("<x>", 3), added("<y>", 7), added("c", 2), added("<z>", 8)]
    beside = Beside(document({"type": "BPE", "vocab": vocab, "merges": []}, added_tokens=entries))
    beside.check("a<x>b<y>c<z> ")
    beside.check_decoding(range(10))
