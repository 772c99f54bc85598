"""The pages of docs/reference are what the code says, and every example on them is what this engine answers."""

from __future__ import annotations

import math

import pytest

import sqlengine
from sqlengine.functions.registry import find_aggregate, find_scalar, find_window, function_names
from tests.functions.test_examples import examples
from tests.reference.generate import PAGES, functions_page, unsupported_page


def test_functions_page() -> None:
    assert (PAGES / "functions.md").read_text() == functions_page(), "run `make docs`"


def test_unsupported_page() -> None:
    assert (PAGES / "unsupported.md").read_text() == unsupported_page(), "run `make docs`"


def test_every_function_has_a_summary() -> None:
    functions = [find_scalar(name) or find_aggregate(name) or find_window(name) for name in function_names()]
    assert not [f.name for f in functions if f is not None and not (f.summary and f.example)]


@pytest.fixture(scope="module")
def connection() -> sqlengine.Connection:
    return sqlengine.connect(scheduler="inline")


@pytest.mark.parametrize(("name", "example"), examples())
def test_example(name: str, example: tuple[str, str], connection: sqlengine.Connection) -> None:
    sql, expected = example
    sql = sql if sql.startswith("SELECT") else f"SELECT {sql}"
    row = connection.execute(f"SELECT x::VARCHAR FROM ({sql}) AS t(x)").fetchone()
    assert row is not None
    answer = "NULL" if row[0] is None else str(row[0])
    assert answer == expected or _nearly(answer, expected)


def _nearly(answer: str, expected: str) -> bool:
    """Whether both are the same number but for the last digits, which depend on the order of additions."""
    try:
        return math.isclose(float(answer), float(expected), rel_tol=1e-14)
    except ValueError:
        return False
