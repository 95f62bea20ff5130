from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hornbook.tokenizer.models.bpe_merging import MergeTable, merge

A, B, C, AB, ABC, AA, AAAA = range(7)


def merge_slowly(ids: list[int], merges: dict[tuple[int, int], int]) -> list[int]:
    """The definition: again and again, join the leftmost pair of the best rank."""
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    ids = list(ids)
    while known := [(ranks[pair], place) for place, pair in enumerate(pairwise(ids)) if pair in ranks]:
        _, place = min(known)
        ids[place : place + 2] = [merges[ids[place], ids[place + 1]]]
    return ids


def test_best_rank_goes_first_not_the_leftmost_pair() -> None:
    table = MergeTable({(B, C): 7, (A, B): AB})
    assert merge([A, B, C], table) == [A, 7]


def test_overlapping_pairs_merge_from_the_left() -> None:
    table = MergeTable({(A, A): AA, (AA, AA): AAAA})
    assert merge([A] * 7, table) == [AAAA, AA, A]


def test_merges_build_on_merges() -> None:
    table = MergeTable({(A, B): AB, (AB, C): ABC})
    assert merge([A, B, C, A, B, B, C], table) == [ABC, AB, B, C]


def test_nothing_to_merge() -> None:
    assert merge([], MergeTable({})) == []
    assert merge([A], MergeTable({(A, A): AA})) == [A]
    assert merge([A, B], MergeTable({(A, A): AA})) == [A, B]


def test_input_is_left_alone() -> None:
    ids = [A, A]
    merge(ids, MergeTable({(A, A): AA}))
    assert ids == [A, A]


@given(data=st.data())
def test_equals_the_definition_for_any_order_of_merges(data: st.DataObject) -> None:
    """Also where a merge is ranked before those that make its parts, which no training writes."""
    spellings = ["a", "b"]
    for _ in range(data.draw(st.integers(1, 11))):
        joined = data.draw(st.sampled_from(spellings)) + data.draw(st.sampled_from(spellings))
        if joined not in spellings:
            spellings.append(joined)
    splits = [(s[:i], s[i:]) for s in spellings for i in range(1, len(s)) if {s[:i], s[i:]} <= set(spellings)]
    merges = {
        (spellings.index(left), spellings.index(right)): spellings.index(left + right)
        for left, right in data.draw(st.permutations(splits))
    }
    ids = data.draw(st.lists(st.integers(0, 1), max_size=41))
    assert merge(ids, MergeTable(merges)) == merge_slowly(ids, merges)
