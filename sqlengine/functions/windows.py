"""Window functions: ranks, offsets, and values at places of the frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from sqlengine.errors import BindError, OutOfRangeError
from sqlengine.functions.registry import Operand, Signature, WindowFunction, register_window
from sqlengine.functions.window_rows import KeptRows, WindowRows, last_row, nth_row, valid_rows
from sqlengine.types import BIGINT, DOUBLE, INTEGER, SqlType, TypeKind
from sqlengine.vector import Vector, concat_vectors

if TYPE_CHECKING:
    from sqlengine.functions.window_rows import Mask, Rows


def _row_number(rows: WindowRows, arguments: Sequence[Vector], ignore_nulls: bool, result: SqlType) -> Vector:
    return _whole(np.arange(1, rows.length + 1) - rows.partition_begin)


def _rank(rows: WindowRows, arguments: Sequence[Vector], ignore_nulls: bool, result: SqlType) -> Vector:
    return _whole(rows.peer_begin - rows.partition_begin + 1)


def _dense_rank(rows: WindowRows, arguments: Sequence[Vector], ignore_nulls: bool, result: SqlType) -> Vector:
    return _whole(rows.group - rows.group.take(rows.partition_begin) + 1)


def _percent_rank(rows: WindowRows, arguments: Sequence[Vector], ignore_nulls: bool, result: SqlType) -> Vector:
    others = rows.partition_end - rows.partition_begin - 1
    ranks = (rows.peer_begin - rows.partition_begin) / np.maximum(others, 1)
    return Vector.from_values(ranks, None, DOUBLE)


def _cume_dist(rows: WindowRows, arguments: Sequence[Vector], ignore_nulls: bool, result: SqlType) -> Vector:
    size = rows.partition_end - rows.partition_begin
    return Vector.from_values((rows.peer_end - rows.partition_begin) / size, None, DOUBLE)


def _ntile(rows: WindowRows, arguments: Sequence[Vector], ignore_nulls: bool, result: SqlType) -> Vector:
    tiles, valid = _numbers(arguments[0], rows.length)
    if (tiles[valid] < 1).any():
        raise OutOfRangeError("ntile: the number of tiles must be greater than zero")
    size = rows.partition_end - rows.partition_begin
    tiles = np.minimum(np.where(valid, tiles, 1), size)
    small = size // tiles
    # The first ones have a row more each.
    larger = size - tiles * small
    row = np.arange(rows.length) - rows.partition_begin
    in_larger = larger * (small + 1)
    tile = np.where(row < in_larger, row // (small + 1), larger + (row - in_larger) // small)
    return Vector.from_values(tile + 1, None if valid.all() else valid, BIGINT)


def _shifted(sign: int) -> Callable[[WindowRows, Sequence[Vector], bool, SqlType], Vector]:
    """lead (1) and lag (-1): the value so many rows further on, else the default; NULL if the distance is NULL."""

    def run(rows: WindowRows, arguments: Sequence[Vector], ignore_nulls: bool, result: SqlType) -> Vector:
        length = rows.length
        value = arguments[0].expand(length)
        distance, known = np.ones(1, np.int64), np.ones(length, np.bool_)
        if len(arguments) > 1:
            distance, known = _numbers(arguments[1], length)
        # Further than all rows is as good as further still, and sums do not overflow.
        distance = sign * np.clip(distance, -length - 1, length + 1)
        here = np.arange(length)
        begin, end = rows.partition_begin, rows.partition_end
        if ignore_nulls:
            kept = KeptRows.where(valid_rows(value, length))
            forward = kept.before.take(here + 1) + distance - 1
            target = np.where(distance > 0, forward, kept.before.take(here) + distance)
            inside = (target >= kept.before.take(begin)) & (target < kept.before.take(end))
            at = kept.rows.take(np.where(inside, target, 0), mode="clip") if len(kept.rows) else here
            at, inside = np.where(distance == 0, here, at), inside | (distance == 0)
        else:
            at = here + distance
            inside = (at >= begin) & (at < end)
        if len(arguments) < 3:
            return value.take(np.where(inside & known, at, -1), may_miss=True)
        default = arguments[2]
        # The defaults stand behind the values.
        other = length + (np.int64(0) if default.constant else here)
        default = default.expand(1) if default.constant else default
        chosen = np.where(inside, at, other)
        return concat_vectors([value, default]).take(np.where(known, chosen, -1), may_miss=True)

    return run


def _first_value(rows: WindowRows, arguments: Sequence[Vector], ignore_nulls: bool, result: SqlType) -> Vector:
    return _at_nth(rows, arguments[0], np.zeros(rows.length, np.int64), ignore_nulls)


def _nth_value(rows: WindowRows, arguments: Sequence[Vector], ignore_nulls: bool, result: SqlType) -> Vector:
    number, known = _numbers(arguments[1], rows.length)
    wanted = np.where(known & (number > 0), number, 0) - 1
    return _at_nth(rows, arguments[0], np.broadcast_to(wanted, (rows.length,)), ignore_nulls)


def _at_nth(rows: WindowRows, value: Vector, number: Rows, ignore_nulls: bool) -> Vector:
    value = value.expand(rows.length)
    if not ignore_nulls:
        return value.take(nth_row(rows.frame, number), may_miss=True)
    kept = KeptRows.where(valid_rows(value, rows.length))
    return value.take(_renumbered(nth_row(kept.segments(rows.frame), number), kept), may_miss=True)


def _last_value(rows: WindowRows, arguments: Sequence[Vector], ignore_nulls: bool, result: SqlType) -> Vector:
    value = arguments[0].expand(rows.length)
    if not ignore_nulls:
        return value.take(last_row(rows.frame, rows.length), may_miss=True)
    kept = KeptRows.where(valid_rows(value, rows.length))
    return value.take(_renumbered(last_row(kept.segments(rows.frame), rows.length), kept), may_miss=True)


def _renumbered(numbers: Rows, kept: KeptRows) -> Rows:
    """Rows by their numbers among the kept ones; -1 stays."""
    if not len(kept.rows):
        return np.full(len(numbers), -1, np.int64)
    return np.where(numbers >= 0, kept.rows.take(numbers, mode="clip"), -1)


def _numbers(vector: Vector, length: int) -> tuple[Rows, Mask]:
    """A BIGINT argument, int64[n], and where it is not NULL, bool[n]."""
    return np.broadcast_to(vector.values(), (length,)), valid_rows(vector, length)


def _whole(values: Rows) -> Vector:
    return Vector.from_values(values, None, BIGINT)


# -- types ----------------------------------------------------------------------------------------


def _takes(name: str, *arguments: SqlType, result: SqlType = BIGINT) -> Callable[[Sequence[Operand]], Signature]:
    def resolve(operands: Sequence[Operand]) -> Signature:
        _check_count(name, operands, len(arguments), len(arguments))
        return Signature(arguments, result)

    return resolve


def _takes_value(name: str, *others: SqlType, optional: bool = False) -> Callable[[Sequence[Operand]], Signature]:
    """A value of any type, which is the result's, and numbers after it."""

    def resolve(operands: Sequence[Operand]) -> Signature:
        _check_count(name, operands, 1 if optional else 1 + len(others), 1 + len(others))
        value = operands[0].type
        return Signature((value, *others)[: len(operands)], value)

    return resolve


def _takes_shift(name: str) -> Callable[[Sequence[Operand]], Signature]:
    """A value, a distance, and a default that is cast to the value's type."""

    def resolve(operands: Sequence[Operand]) -> Signature:
        _check_count(name, operands, 1, 3)
        value = operands[0].type
        if value.kind is TypeKind.NULL:
            value = INTEGER
        return Signature((value, BIGINT, value)[: len(operands)], value)

    return resolve


def _check_count(name: str, operands: Sequence[Operand], least: int, most: int) -> None:
    if not least <= len(operands) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise BindError(f"{name} takes {wanted} argument{'' if wanted == '1' else 's'}, not {len(operands)}")


_FROM: Final = "FROM (VALUES (10), (20), (30)) AS t(x) ORDER BY x DESC LIMIT 1"

for function in (
    WindowFunction(
        "row_number",
        _takes("row_number"),
        _row_number,
        example=(f"SELECT row_number() OVER (ORDER BY x) {_FROM}", "3"),
        summary="The number of the row in its partition, from 1 on.",
    ),
    WindowFunction(
        "rank",
        _takes("rank"),
        _rank,
        example=(f"SELECT rank() OVER (ORDER BY x) {_FROM}", "3"),
        summary="The number of the first peer of the row: peers have one rank, and gaps follow.",
    ),
    WindowFunction(
        "dense_rank",
        _takes("dense_rank"),
        _dense_rank,
        aliases=("rank_dense",),
        example=(f"SELECT dense_rank() OVER (ORDER BY x) {_FROM}", "3"),
        summary="The rank without gaps.",
    ),
    WindowFunction(
        "percent_rank",
        _takes("percent_rank", result=DOUBLE),
        _percent_rank,
        example=(f"SELECT percent_rank() OVER (ORDER BY x) {_FROM}", "1.0"),
        summary="The share of the partition's other rows that come before the row and its peers.",
    ),
    WindowFunction(
        "cume_dist",
        _takes("cume_dist", result=DOUBLE),
        _cume_dist,
        example=(f"SELECT cume_dist() OVER (ORDER BY x) {_FROM}", "1.0"),
        summary="The share of the partition's rows that come before the row or are its peers.",
    ),
    WindowFunction(
        "ntile",
        _takes("ntile", BIGINT),
        _ntile,
        example=(f"SELECT ntile(2) OVER (ORDER BY x) {_FROM}", "2"),
        summary="The number of the row's tile when the partition is cut into that many of nearly equal size.",
    ),
    WindowFunction(
        "lag",
        _takes_shift("lag"),
        _shifted(-1),
        takes_nulls=True,
        example=(f"SELECT lag(x) OVER (ORDER BY x) {_FROM}", "20"),
        summary="The value one row, or a given number of rows, before; else the default.",
    ),
    WindowFunction(
        "lead",
        _takes_shift("lead"),
        _shifted(1),
        takes_nulls=True,
        example=(f"SELECT lead(x, 1, 0) OVER (ORDER BY x) {_FROM}", "0"),
        summary="The value one row, or a given number of rows, after; else the default.",
    ),
    WindowFunction(
        "first_value",
        _takes_value("first_value"),
        _first_value,
        takes_nulls=True,
        aliases=("first",),
        uses_frame=True,
        example=(f"SELECT first_value(x) OVER (ORDER BY x) {_FROM}", "10"),
        summary="The value at the first row of the frame.",
    ),
    WindowFunction(
        "last_value",
        _takes_value("last_value"),
        _last_value,
        takes_nulls=True,
        aliases=("last",),
        uses_frame=True,
        example=(f"SELECT last_value(x) OVER (ORDER BY x) {_FROM}", "30"),
        summary="The value at the last row of the frame.",
    ),
    WindowFunction(
        "nth_value",
        _takes_value("nth_value", BIGINT),
        _nth_value,
        takes_nulls=True,
        uses_frame=True,
        example=(f"SELECT nth_value(x, 2) OVER (ORDER BY x) {_FROM}", "20"),
        summary="The value at the n-th row of the frame; NULL if it has fewer.",
    ),
):
    register_window(function)
