"""Whether two engines gave the same answer, column by column."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pyarrow as pa

RELATIVE_TOLERANCE = 1e-9


def disagreement(answer: pa.Table, reference: pa.Table) -> str | None:
    """Where `answer` first differs from `reference`, or None.

    Numbers are exact when both are whole or decimal of the same scale. With a float on either side they may differ by
    1e-9 of their size; with a decimal beside a float or a decimal of another scale (engines round averages and
    quotients to a fixed scale), also by one unit of the last digit of the coarser one.
    """
    if answer.num_columns != reference.num_columns:
        return f"{answer.num_columns} columns, not {reference.num_columns}"
    if answer.num_rows != reference.num_rows:
        return f"{answer.num_rows} rows, not {reference.num_rows}"
    for position, field in enumerate(reference.schema):
        left, right = (_values(table.column(position)) for table in (answer, reference))
        slack = _slack(answer.schema.field(position).type, field.type)
        for row, (value, expected) in enumerate(zip(left, right, strict=True)):
            if not _same(value, expected, slack):
                return f"{field.name}, row {row}: {value}, not {expected}"
    return None


def _values(column: pa.ChunkedArray) -> list[Any]:
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        # Some engines keep dates as timestamps at midnight.
        return list(column.cast(pa.timestamp("us")).to_pylist())
    return list(column.to_pylist())


def _slack(left: pa.DataType, right: pa.DataType) -> float:
    scales = [kind.scale for kind in (left, right) if pa.types.is_decimal(kind)]
    if left == right or not scales or any(pa.types.is_integer(kind) for kind in (left, right)):
        return 0.0
    if len(scales) == 2 and scales[0] == scales[1]:
        return 0.0
    return float(10.0 ** -min(scales))


def _same(value: Any, expected: Any, slack: float) -> bool:
    if value is None or expected is None:
        return value is None and expected is None
    if isinstance(value, float) or isinstance(expected, float) or slack:
        left, right = float(value), float(expected)
        return (math.isnan(left) and math.isnan(right)) or math.isclose(
            left, right, rel_tol=RELATIVE_TOLERANCE, abs_tol=slack
        )
    if isinstance(value, int | Decimal) and isinstance(expected, int | Decimal):
        return Decimal(value) == Decimal(expected)
    return bool(value == expected)
