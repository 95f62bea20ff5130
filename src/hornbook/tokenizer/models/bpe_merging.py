"""The algorithm of byte pair encoding: adjacent tokens are merged, the pair of the lowest rank first.

It knows ids and ranks, neither text nor files.
Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (2016), section 3.2.
"""

from array import array
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise

__all__ = ["MergeTable", "merge", "merge_with_positions"]

Pair = tuple[int, int]
GONE = -1


class MergeTable:
    """Which pairs of ids are merged, in which order, and into which id.

    Args:
        merges: Pair of ids to the id of the merged token, in order of rank: the first is merged first.
    """

    def __init__(self, merges: Mapping[Pair, int]) -> None:
        self.pairs: Sequence[Pair] = list(merges)
        self.merged: Sequence[int] = list(merges.values())
        self.ranks: Mapping[Pair, int] = {pair: rank for rank, pair in enumerate(self.pairs)}


def merge(ids: list[int], table: MergeTable) -> list[int]:
    """Merges the pair of the lowest rank, leftmost first, until no pair is left that the table has.

    Args:
        ids: The n ids to begin with, one for each byte or character.
        table: The merges.

    Returns:
        The merged ids, at most n.
    """
    return [token for token, _ in merge_with_positions(ids, table)]


def merge_with_positions(ids: list[int], table: MergeTable) -> list[tuple[int, int]]:
    """Merges as `merge` does; returns each id with the index in `ids` at which it begins.

    The tokens are a doubly linked list over the indices of `ids`; a heap holds every pair that can be merged.
    A pair on the heap is stale, and skipped, if its index no longer holds it. So n tokens take O(n log n)
    steps however they repeat.
    """
    size = len(ids)
    rank_of, pairs = table.ranks.get, table.pairs
    # Single integers, rank * size + index, are faster to compare than tuples.
    heap = [
        rank * size + index for index, pair in enumerate(pairwise(ids)) if (rank := rank_of(pair)) is not None
    ]
    heapify(heap)
    tokens = [*ids, GONE]
    before = array("q", range(-1, size))
    after = array("q", range(1, size + 1))
    while heap:
        rank, index = divmod(heappop(heap), size)
        right = after[index]
        if (tokens[index], tokens[right]) != pairs[rank]:
            continue
        token = table.merged[rank]
        following = after[right]
        tokens[index], tokens[right] = token, GONE
        after[index], before[following] = following, index
        if (rank_right := rank_of((token, tokens[following]))) is not None:
            heappush(heap, rank_right * size + index)
        left = before[index]
        if left >= 0 and (rank_left := rank_of((tokens[left], token))) is not None:
            heappush(heap, rank_left * size + left)
    return [(token, index) for index, token in enumerate(tokens) if token != GONE]
