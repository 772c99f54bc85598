"""Every example on the reference page is what DuckDB answers, and what the function answers."""

from __future__ import annotations

import pytest

from sqlengine.functions.registry import find_aggregate, find_scalar, find_window, function_names
from tests.functions.calls import Oracle


def examples() -> list[tuple[str, tuple[str, str]]]:
    found = []
    for name in function_names():
        function = find_scalar(name) or find_aggregate(name) or find_window(name)
        assert function is not None
        if function.name == name and function.example is not None:
            found.append((name, function.example))
    return found


def test_every_function_has_an_example() -> None:
    functions = [find_scalar(name) or find_aggregate(name) or find_window(name) for name in function_names()]
    assert not [function.name for function in functions if function is not None and function.example is None]


@pytest.mark.parametrize(("name", "example"), examples())
def test_example(name: str, example: tuple[str, str], oracle: Oracle) -> None:
    sql, expected = example
    # The example of a scalar function may be an expression alone.
    sql = sql if sql.startswith("SELECT") else f"SELECT {sql}"
    (row,) = oracle.rows(f"SELECT (SELECT x::VARCHAR FROM ({sql}) AS t(x))")
    assert ("NULL" if row[0] is None else row[0]) == expected
