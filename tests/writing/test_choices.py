"""Who writes what, and where sorted rows are cut."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.batch import Batch
from sqlengine.config import default_settings
from sqlengine.executor.output import lay_down
from sqlengine.planner.choices import WriteStrategy, choose_ranges, choose_write_strategy
from sqlengine.planner.expressions import Column, Literal, SortKey
from sqlengine.planner.physical import RangePartition, Stage, ValuesExec
from sqlengine.types import BIGINT, VARCHAR, SqlType
from sqlengine.vector import Vector


@pytest.mark.parametrize(
    ("is_folder", "tasks", "rows", "partitions", "part_rows", "strategy"),
    [
        (False, 1, 10, 1, 1, WriteStrategy.IN_PLACE),
        (False, 4, 10, 1, None, WriteStrategy.GATHER),
        (False, 4, 399, 1, 100, WriteStrategy.GATHER),
        (False, 4, 400, 1, 100, WriteStrategy.PARTS),
        (True, 4, 10, 1, 100, WriteStrategy.IN_PLACE),
        (True, 1, 10, 50, 100, WriteStrategy.IN_PLACE),
        (True, 4, 1e6, 50, None, WriteStrategy.HASH),
        (True, 4, 1e8, 50, None, WriteStrategy.IN_PLACE),
    ],
)
def test_who_writes(
    is_folder: bool, tasks: int, rows: float, partitions: float, part_rows: int | None, strategy: WriteStrategy
) -> None:
    assert choose_write_strategy(is_folder, tasks, rows, partitions, part_rows)[0] is strategy


def test_few_rows_are_one_range() -> None:
    settings = default_settings({})
    assert [choose_ranges(rows, settings) for rows in (10, 1_000_000, 1e12)] == [1, 4, 64]


def pieces_of(
    keys: list[object], bounds: list[object], type_: SqlType, array_type: pa.DataType, down: bool, first: bool
) -> list[list[tuple[object, int]]]:
    columns = (Column(0, "key", type_), Column(1, "place", BIGINT))
    partition = RangePartition(SortKey(columns[0], down, first), tuple(Literal(bound, type_) for bound in bounds))
    batch = Batch(
        len(keys),
        {
            0: Vector(type_, pa.array(keys, array_type)),
            1: Vector(BIGINT, pa.array(range(len(keys)), pa.int64())),
        },
    )
    laid = lay_down(Stage(0, ValuesExec(0, columns, ()), (), partition), [batch], 100)
    assert len(laid) == len(bounds) + 1
    return [
        [row for part in piece for row in zip(*(part.column(k).arrow().to_pylist() for k in (0, 1)), strict=True)]
        for piece in laid
    ]


def check(
    keys: list[object], bounds: list[object], type_: SqlType, array: pa.DataType, down: bool, first: bool
) -> None:
    """Every row is in the piece of the last bound that is not behind it; rows of a piece keep their order."""
    bounds = sorted(set(bounds), reverse=down)  # type: ignore[type-var]
    pieces = pieces_of(keys, bounds, type_, array, down, first)
    for number, piece in enumerate(pieces):
        assert [place for _, place in piece] == sorted(place for _, place in piece)
        for key, _ in piece:
            if key is None:
                assert number == (0 if first else len(bounds))
            else:
                before = [bound for bound in bounds if (bound >= key if down else bound <= key)]  # type: ignore[operator]
                assert number == len(before)
    assert sorted(place for piece in pieces for _, place in piece) == list(range(len(keys)))


numbers = st.integers(-5, 5)


@given(st.lists(st.none() | numbers, min_size=1), st.lists(numbers), st.booleans(), st.booleans())
def test_ranges_of_numbers(keys: list[int | None], bounds: list[int], down: bool, first: bool) -> None:
    check(list(keys), list(bounds), BIGINT, pa.int64(), down, first)


words = st.text("aäb", max_size=3)


@given(st.lists(st.none() | words, min_size=1), st.lists(words), st.booleans(), st.booleans())
def test_ranges_of_texts(keys: list[str | None], bounds: list[str], down: bool, first: bool) -> None:
    check(list(keys), list(bounds), VARCHAR, pa.string(), down, first)
