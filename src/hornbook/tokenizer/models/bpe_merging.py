"""Byte pair encoding itself: merges of neighbouring tokens, the best rank first.

Knows ids and ranks, neither text nor files.
Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (2016), section 3.2.
"""

from array import array
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise

__all__ = ["MergeTable", "merge", "merge_places"]

Pair = tuple[int, int]
GONE = -1


class MergeTable:
    """Which pairs of ids merge, in which order, into what.

    Args:
        merges: Pair of ids to the id of both joined; pairs in order of rank, the first to be merged first.
    """

    def __init__(self, merges: Mapping[Pair, int]) -> None:
        self.pairs: Sequence[Pair] = list(merges)
        self.merged: Sequence[int] = list(merges.values())
        self.ranks: Mapping[Pair, int] = {pair: rank for rank, pair in enumerate(self.pairs)}


def merge(ids: list[int], table: MergeTable) -> list[int]:
    """Merges the pair of lowest rank, leftmost first, until no pair is left that the table knows.

    Args:
        ids: The n ids to begin with, one a byte.
        table: The merges.

    Returns:
        The merged ids, at most n.
    """
    return [token for token, _ in merge_places(ids, table)]


def merge_places(ids: list[int], table: MergeTable) -> list[tuple[int, int]]:
    """Merges as `merge` does; each of the merged ids comes with the place of its first one in `ids`.

    The tokens are a doubly linked list over the places of `ids`; a heap holds every pair that may merge. A
    pair on the heap is out of date if its place no longer holds it: then it is passed over. So n tokens take
    O(n log n) steps however they repeat.
    """
    size = len(ids)
    rank_of, pairs = table.ranks.get, table.pairs
    # A heap of single integers, rank * size + place, is quicker to compare than one of tuples.
    heap = [
        rank * size + place for place, pair in enumerate(pairwise(ids)) if (rank := rank_of(pair)) is not None
    ]
    heapify(heap)
    tokens = [*ids, GONE]
    before = array("q", range(-1, size))
    after = array("q", range(1, size + 1))
    while heap:
        rank, place = divmod(heappop(heap), size)
        right = after[place]
        if (tokens[place], tokens[right]) != pairs[rank]:
            continue
        token = table.merged[rank]
        following = after[right]
        tokens[place], tokens[right] = token, GONE
        after[place], before[following] = following, place
        if (rank_right := rank_of((token, tokens[following]))) is not None:
            heappush(heap, rank_right * size + place)
        left = before[place]
        if left >= 0 and (rank_left := rank_of((tokens[left], token))) is not None:
            heappush(heap, rank_left * size + left)
    return [(token, place) for place, token in enumerate(tokens) if token != GONE]
