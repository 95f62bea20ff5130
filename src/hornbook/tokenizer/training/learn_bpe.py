"""Training of a byte-level BPE vocabulary: the 256 bytes, and the merges of frequent pairs."""

from collections.abc import Mapping, Sequence

from hornbook.tokenizer.files.vocabulary import Merge
from hornbook.tokenizer.training.learn_merges import CountedWords, Ties, learn_merges
from hornbook.tokenizer.training.numbering import check_room, number_tokens
from hornbook.tokenizer.training.progress import Report
from hornbook.tokenizer.unicode.byte_alphabet import BYTE_TO_CHARACTER

__all__ = ["learn_bpe"]


def learn_bpe(
    words: Mapping[str, int],
    vocab_size: int,
    *,
    min_frequency: int,
    special_tokens: Sequence[str],
    ties: Ties = "greater",
    report: Report | None = None,
) -> tuple[dict[str, int], list[Merge]]:
    """Learns tokens and merges from words and how often each occurs.

    Ids: the special tokens, then the bytes in the order of the characters that spell them, then the merges.

    Returns:
        Tokens as vocabularies spell them, to ids; and the merges, best first.

    Raises:
        TokenizerError: `vocab_size` has no room for the special tokens and the 256 bytes, or a special token
            has the spelling of another token.
    """
    alphabet = sorted(BYTE_TO_CHARACTER)
    check_room(vocab_size, special_tokens, len(alphabet), "256 bytes")
    spellings = list(BYTE_TO_CHARACTER) if ties == "greater" else list(alphabet)
    symbol_of = bytes(spellings.index(character) for character in BYTE_TO_CHARACTER)
    spelled = ((word.encode().translate(symbol_of), count) for word, count in words.items())
    counted = CountedWords.collect(spelled, len(alphabet))
    room = vocab_size - len(special_tokens) - len(alphabet)
    merges: list[Merge] = []
    for left, right in learn_merges(counted, room, min_frequency, ties, report):
        merges.append((spellings[left], spellings[right]))
        spellings.append(spellings[left] + spellings[right])
    return number_tokens(special_tokens, [*alphabet, *spellings[len(alphabet) :]]), merges
