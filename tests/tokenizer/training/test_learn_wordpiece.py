"""Training of WordPiece: against the tokenizers package, and cases worked out by hand."""

from collections import Counter
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from hornbook.errors import TokenizerError
from hornbook.tokenizer.training import train_wordpiece_vocabulary
from hornbook.tokenizer.training.learn_wordpiece import learn_wordpiece
from hornbook.tokenizer.training.sentences import _bert_words

SPECIAL = ["[UNK]", "[CLS]"]


def their_wordpiece(words: Counter[str], vocab_size: int, limit: int) -> dict[str, int]:
    """What tokenizers learns from the same words, in which white space stands between them."""
    oracle = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token=SPECIAL[0]))
    oracle.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=SPECIAL,
        limit_alphabet=limit,
        show_progress=False,
    )
    oracle.train_from_iterator((f"{word} " * count for word, count in words.items()), trainer)
    return oracle.get_vocab()


def ours(words: Counter[str], vocab_size: int, limit: int = 1000) -> dict[str, int]:
    return learn_wordpiece(words, vocab_size, min_frequency=2, special_tokens=SPECIAL, limit_alphabet=limit)


def test_nearly_equal_to_tokenizers(test_data: Path) -> None:
    """But for ties: tokenizers numbers the characters that continue words as it meets them."""
    text = (test_data / "train" / "lm" / "tinyshakespeare.txt").read_text()
    words = Counter(text.lower().split())
    theirs, learned = their_wordpiece(words, 3000, 1000), ours(words, 3000)
    assert len(learned) == len(theirs) == 3000
    assert len(set(learned) - set(theirs)) < 0.02 * 3000
    assert {t for t in learned if len(t.removeprefix("##")) == 1} == {
        t for t in theirs if len(t.removeprefix("##")) == 1
    }


def test_equal_where_there_are_no_ties() -> None:
    words = Counter({"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 3})
    for size in range(16, 24):
        assert set(ours(words, size)) == set(their_wordpiece(words, size, 1000))


def test_by_hand() -> None:
    tokens = ours(Counter({"aab": 5, "b": 1}), 8)
    assert tokens == {"[UNK]": 0, "[CLS]": 1, "a": 2, "b": 3, "##a": 4, "##b": 5, "aa": 6, "aab": 7}


@pytest.mark.parametrize("limit", [1, 2, 3, 9])
def test_rare_characters_are_left_out(limit: int) -> None:
    words = Counter({"aaab": 9, "cab": 2, "d": 1, "é": 3})
    assert set(ours(words, 40, limit)) == set(their_wordpiece(words, 40, limit))


@given(st.dictionaries(st.text("ab#é", min_size=1, max_size=7), st.integers(1, 9), max_size=9))
def test_every_token_is_found_in_a_word(words: dict[str, int]) -> None:
    tokens = learn_wordpiece(words, 50, min_frequency=1, special_tokens=[], limit_alphabet=9)
    assert list(tokens.values()) == list(range(len(tokens)))
    for token in tokens:
        inside = token.removeprefix("##")
        starts = any(word.startswith(token) for word in words)
        continues = token != inside and any(inside in word[1:] for word in words)
        assert starts or continues or len(token) == 1


def test_what_cannot_be_trained() -> None:
    words = Counter({"ab": 2})
    with pytest.raises(TokenizerError, match=r"at least 5, for 2 special tokens and 3 characters.*got 4"):
        ours(words, 4)
    with pytest.raises(TokenizerError, match="'a' is also an ordinary token"):
        learn_wordpiece(words, 9, min_frequency=1, special_tokens=["a"], limit_alphabet=9)


def test_from_texts() -> None:
    texts = ["The hugs[SEP]hugs", "the PUGS"]
    tokens = train_wordpiece_vocabulary(
        texts, 30, split=lambda text: text.lower().split(), special_tokens=["[UNK]", "[SEP]"]
    )
    assert list(tokens)[:4] == ["[UNK]", "[SEP]", "e", "g"]
    assert {"the", "hugs"} < tokens.keys()
    assert not {"[", "pugs"} & tokens.keys()


@pytest.mark.parametrize("name", ["vocab_size", "min_frequency", "limit_alphabet"])
def test_wrong_numbers(name: str) -> None:
    with pytest.raises(TokenizerError, match=f"{name} must be at least"):
        train_wordpiece_vocabulary(["a"], **{"vocab_size": 30} | {name: 0})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=f"{name} must be an integer"):
        train_wordpiece_vocabulary(["a"], **{"vocab_size": 30} | {name: "x"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " a  b ",
        "don't-stop.",
        "a\u2003b\xa0c\x85d",
        "x\x1cy",
        "«日本», ¿qué?",
        "1,000$ ^^ `_`",
        "é…e\u0301",
    ],
)
def test_words_are_those_of_bert(text: str) -> None:
    normal = tokenizers.normalizers.NFC().normalize_str(tokenizers.normalizers.Strip().normalize_str(text))
    oracle = tokenizers.pre_tokenizers.BertPreTokenizer()
    assert _bert_words(text) == [word for word, _ in oracle.pre_tokenize_str(normal)]
