"""Unigram beside the tokenizers package where the penalty of unknown characters decides."""

import pytest
from tests.tokenizer.beside import Beside, document

from hornbook.tokenizer.models.unigram import Unigram


@pytest.mark.parametrize(
    ("score", "tokens"),
    [
        # abc and an unknown d against ab and cd: score - 20 - 10 against -20 - 20
        (-9.5, [(1, 0, 3), (0, 3, 4)]),
        (-10.5, [(2, 0, 2), (3, 2, 4)]),
    ],
)
def test_an_unknown_character_costs_ten_more_than_the_least_likely_token(
    score: float, tokens: list[tuple[int, int, int]]
) -> None:
    vocab = [["<unk>", 0.0], ["abc", score], ["ab", -20.0], ["cd", -20.0]]
    beside = Beside(document({"type": "Unigram", "unk_id": 0, "vocab": vocab}))
    beside.check("abcd")
    assert beside.ours.encode_with_spans("abcd") == tokens


def test_a_run_of_unknown_characters_is_one_token() -> None:
    model = Unigram({"a": -1.0}, {"a": 1}, unknown_id=0, least_score=-1.0)
    assert model("xya") == [(0, 0, 2), (1, 2, 3)]
