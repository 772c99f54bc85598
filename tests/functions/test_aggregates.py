"""Types of aggregates against DuckDB, and how states become results."""

from __future__ import annotations

import pytest

from sqlengine.errors import BindError
from sqlengine.functions.registry import Operand, find_aggregate
from sqlengine.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    HUGEINT,
    INTEGER,
    INTERVAL,
    SMALLINT,
    TIME,
    TIMESTAMP,
    TINYINT,
    UBIGINT,
    VARCHAR,
    SqlType,
    decimal,
)
from tests.functions.calls import Failure, Oracle, column, shown, texts_as

TYPES = {
    **dict.fromkeys((TINYINT, SMALLINT, INTEGER, BIGINT, HUGEINT, UBIGINT, FLOAT, DOUBLE), "1"),
    **dict.fromkeys((decimal(4, 1), decimal(15, 2), decimal(38, 4)), "1"),
    BOOLEAN: "true",
    VARCHAR: "x",
    DATE: "2024-01-01",
    TIME: "00:00:01",
    TIMESTAMP: "2024-01-01 00:00:00",
    INTERVAL: "1 day",
}
NAMES = ["count", "sum", "avg", "mean", "min", "max", "any_value", "first", "arbitrary", "bool_and", "bool_or"]


def result_type(name: str, operands: list[Operand]) -> str | Failure:
    function = find_aggregate(name)
    assert function is not None
    try:
        return str(function.resolve(operands).result)
    except BindError as error:
        return Failure(str(error))


@pytest.mark.parametrize("name", NAMES)
def test_types(name: str, oracle: Oracle) -> None:
    for sql_type, text in TYPES.items():
        # Limit: averages of dates and intervals are refused; they would need a sum of dates as a state.
        if name in ("avg", "mean") and (sql_type.is_temporal or sql_type == INTERVAL):
            continue
        expected = oracle.type(f"(SELECT {name}(x) FROM (VALUES ('{text}'::{sql_type})) AS t(x))")
        assert result_type(name, [Operand(sql_type)]) == expected, sql_type


def test_numbers_are_not_widened_first() -> None:
    function = find_aggregate("sum")
    assert function is not None
    for sql_type in (TINYINT, INTEGER, BIGINT, decimal(15, 2)):
        assert function.resolve([Operand(sql_type)]).arguments == (sql_type,)


def test_resolving_the_cast_argument_again_changes_nothing() -> None:
    # The physical planner resolves from the types after the casts.
    for name in NAMES:
        function = find_aggregate(name)
        assert function is not None
        for sql_type in TYPES:
            try:
                signature = function.resolve([Operand(sql_type)])
            except BindError:
                continue
            assert function.resolve([Operand(each) for each in signature.arguments]) == signature


@pytest.mark.parametrize(
    ("sum_type", "sums"),
    [(HUGEINT, ["7", None, "27021597764222979"]), (decimal(38, 2), ["0.70", None, "99999999999999999999.99"])],
    ids=str,
)
def test_average(sum_type: SqlType, sums: list[str | None], oracle: Oracle) -> None:
    function = find_aggregate("avg")
    assert function is not None
    result = function.finalize([texts_as(sums, sum_type), column([3, 0, 3], BIGINT)], DOUBLE)
    expected = [None if text is None else oracle.value(f"'{text}'::{sum_type}::DOUBLE / 3") for text in sums]
    assert shown(result) == expected


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(BindError, match=r"sum\(VARCHAR\)"):
        find_aggregate("sum").resolve([Operand(VARCHAR)])  # type: ignore[union-attr]
    with pytest.raises(BindError, match="one argument"):
        find_aggregate("max").resolve([])  # type: ignore[union-attr]
