"""Expressions, one a line: type and value as DuckDB has them, or an error where DuckDB has one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import sqlengine
from tests.functions.calls import Failure, Oracle

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.sql"))


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlengine.Connection]:
    with sqlengine.connect(scheduler="inline") as connection:
        yield connection


def answer(connection: sqlengine.Connection, expression: str) -> tuple[str, str | None] | None:
    """(type, value as text), None for an error of ours; other errors are defects and come through."""
    try:
        row = connection.execute(f"SELECT typeof({expression}), ({expression})::VARCHAR").fetchone()
    except sqlengine.Error:
        return None
    return None if row is None else (row[0], row[1])


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_corpus(path: Path, connection: sqlengine.Connection, oracle: Oracle) -> None:
    wrong = []
    for expression in path.read_text().splitlines():
        ours, value = answer(connection, expression), oracle.value(expression)
        expected = None if isinstance(oracle.type(expression), Failure) or isinstance(value, Failure) else value
        failed = isinstance(value, Failure)
        if failed != (ours is None) or (ours is not None and ours != (oracle.type(expression), expected)):
            wrong.append((expression, ours, "error" if failed else (oracle.type(expression), expected)))
    assert not wrong
