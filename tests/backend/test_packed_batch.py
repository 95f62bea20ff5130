"""Packing sequences into one row."""

from typing import Any

import numpy as np
import pytest

from hornbook.backend import PackedBatch
from hornbook.errors import ShapeError


def check(batch: PackedBatch, ids: list[int], positions: list[int], offsets: list[int]) -> None:
    for array, expected in ((batch.ids, ids), (batch.positions, positions), (batch.offsets, offsets)):
        np.testing.assert_array_equal(array, np.array(expected, "int32"), strict=True)


def test_no_sequence() -> None:
    batch = PackedBatch.pack([])
    check(batch, [], [], [0])
    assert (len(batch), batch.n_positions, batch.lengths.tolist()) == (0, 0, [])


def test_one_empty_sequence() -> None:
    batch = PackedBatch.pack([[]])
    check(batch, [], [], [0, 0])
    assert (len(batch), batch.n_positions, batch.lengths.tolist()) == (1, 0, [0])


def test_one_sequence() -> None:
    batch = PackedBatch.pack([[5, 7, 5]])
    check(batch, [5, 7, 5], [0, 1, 2], [0, 3])
    assert (len(batch), batch.n_positions) == (1, 3)


def test_mixed_lengths() -> None:
    batch = PackedBatch.pack([[5, 7, 5], [], np.array([2]), (3, 1)])
    check(batch, [5, 7, 5, 2, 3, 1], [0, 1, 2, 0, 0, 1], [0, 3, 3, 4, 6])
    assert (len(batch), batch.n_positions, batch.lengths.tolist()) == (4, 3, [3, 0, 1, 2])


def test_sequences_may_begin_later() -> None:
    batch = PackedBatch.pack([[5, 7], [], [2]], starts=np.array([3, 0, 11]))
    check(batch, [5, 7, 2], [3, 4, 11], [0, 2, 2, 3])
    assert batch.n_positions == 12


def test_sequences_may_come_from_an_iterator() -> None:
    check(PackedBatch.pack(iter([[1], [2]])), [1, 2], [0, 0], [0, 1, 2])


def test_the_shapes_of_the_textbooks() -> None:
    batch, shape = PackedBatch.from_ids([[5, 7, 5], [2, 3, 1]])
    check(batch, [5, 7, 5, 2, 3, 1], [0, 1, 2, 0, 1, 2], [0, 3, 6])
    assert shape == (2, 3)
    batch, shape = PackedBatch.from_ids([5, 7])
    check(batch, [5, 7], [0, 1], [0, 2])
    assert shape == (2,)
    assert PackedBatch.from_ids([])[1] == (0,)
    assert PackedBatch.from_ids(np.empty((2, 0)))[1] == (2, 0)


def test_next_ids_stop_at_the_end_of_each_sequence() -> None:
    batch = PackedBatch.pack([[5, 7, 6], [], [2], [3, 1], []])
    np.testing.assert_array_equal(batch.next_ids, np.array([7, 6, -1, -1, 1, -1], "int32"), strict=True)
    assert PackedBatch.pack([]).next_ids.shape == PackedBatch.pack([[]]).next_ids.shape == (0,)


def test_packing_copies() -> None:
    ids = np.array([1, 2], "int32")
    batch = PackedBatch.pack([ids])
    ids[0] = 9
    assert batch.ids.tolist() == [1, 2]


@pytest.mark.parametrize("sequence", [[1.5], [True], ["a"], [None], 3, [[1, 2]], [2**70], "ab"])
def test_a_sequence_is_a_row_of_integers(sequence: Any) -> None:
    with pytest.raises(ShapeError, match=r"ids: expected integers of shape \[T\], got"):
        PackedBatch.pack([sequence])


@pytest.mark.parametrize("value", [2**31, 2**32 + 5, -(2**31), 2**63, -(2**63)])
def test_an_id_is_not_wrapped_around(value: int) -> None:
    with pytest.raises(ShapeError, match="ids: must be at most 2147483647"):
        PackedBatch.pack([[1], [value]])


def test_rows_of_different_lengths_are_sent_to_pack() -> None:
    with pytest.raises(ShapeError, match=r"rows differ in length; use PackedBatch\.pack"):
        PackedBatch.from_ids([[1, 2], [3]])
    with pytest.raises(ShapeError, match=r"expected integers of shape \[T\] or \[B, T\], got int64 of shape"):
        PackedBatch.from_ids([[[1]]])


@pytest.mark.parametrize("starts", [[], [0], [0, 0, 0], [0, -1]])
def test_starts_are_one_for_each_sequence(starts: list[int]) -> None:
    with pytest.raises(ShapeError, match="expected a start of 0 or more for 2 sequences"):
        PackedBatch.pack([[1], [2]], starts=np.array(starts))


def test_a_step_is_a_pack_of_single_tokens() -> None:
    starts = np.array([5, 0, 7], np.int32)
    step, packed = PackedBatch.step([3, 1, 4], starts), PackedBatch.pack([[3], [1], [4]], starts)
    assert step.n_positions == packed.n_positions == 8
    for name in ("ids", "positions", "offsets"):
        np.testing.assert_array_equal(getattr(step, name), getattr(packed, name))
        assert getattr(step, name).dtype == np.int32
    starts += 1
    assert step.positions.tolist() == [5, 0, 7]


class TestFromOffsets:
    """Sequences that are packed already, as a tokenizer gives them."""

    def test_it_is_a_pack_of_the_same_sequences(self) -> None:
        ids, offsets = np.array([5, 7, 6, 2, 3, 1], np.int32), np.array([0, 3, 3, 4, 6], np.int32)
        batch = PackedBatch.from_offsets(ids, offsets)
        check(batch, [5, 7, 6, 2, 3, 1], [0, 1, 2, 0, 0, 1], [0, 3, 3, 4, 6])
        assert batch.token_types is None

    def test_sequences_may_begin_later(self) -> None:
        batch = PackedBatch.from_offsets([5, 7, 2], [0, 2, 2, 3], starts=np.array([3, 0, 11]))
        check(batch, [5, 7, 2], [3, 4, 11], [0, 2, 2, 3])

    @pytest.mark.parametrize("offsets", [[0], [0, 0, 0]])
    def test_nothing_in_it(self, offsets: list[int]) -> None:
        check(PackedBatch.from_offsets([], offsets), [], [], offsets)

    def test_arrays_are_not_copied(self) -> None:
        ids, offsets = np.arange(7, dtype=np.int32), np.array([0, 7], np.int32)
        batch = PackedBatch.from_offsets(ids, offsets)
        assert batch.ids is ids
        assert batch.offsets is offsets

    def test_token_types_come_along(self) -> None:
        batch = PackedBatch.from_offsets([5, 7, 2], [0, 3], token_types=[0, 1, 1])
        np.testing.assert_array_equal(batch.token_types, np.array([0, 1, 1], np.int32), strict=True)

    @pytest.mark.parametrize("offsets", [[], [0], [1, 3], [0, 2], [0, 4], [0, 2, 1, 3], [0, 3, 2], [-1, 3]])
    def test_offsets_cover_every_row_once(self, offsets: list[int]) -> None:
        with pytest.raises(ShapeError, match=r"from_offsets: offsets must rise from 0 to .* rows, 3, got"):
            PackedBatch.from_offsets([5, 7, 2], offsets)

    @pytest.mark.parametrize(
        "arguments", [([[1], [2]], [0, 2]), ([1.5], [0, 1]), ([1], [0.0, 1.0]), ([1], [[0, 1]]), ([1], 1)]
    )
    def test_ids_and_offsets_are_rows_of_integers(self, arguments: tuple[Any, Any]) -> None:
        with pytest.raises(ShapeError, match=r"ids: expected integers of shape \[T\]"):
            PackedBatch.from_offsets(*arguments)

    @pytest.mark.parametrize("starts", [[], [0], [0, 0, 0], [0, -1]])
    def test_starts_are_one_for_each_sequence(self, starts: list[int]) -> None:
        with pytest.raises(ShapeError, match="expected a start of 0 or more for 2 sequences"):
            PackedBatch.from_offsets([1, 2], [0, 1, 2], starts=np.array(starts))

    @pytest.mark.parametrize("token_types", [[0], [0, 1, 0], [0, -1]])
    def test_token_types_are_one_for_each_id(self, token_types: list[int]) -> None:
        with pytest.raises(ShapeError, match="token_types: expected one of 0 or more for each of 2 ids"):
            PackedBatch.from_offsets([1, 2], [0, 2], token_types=token_types)
