"""Tables, inputs and comparisons that tests of operators share."""

from __future__ import annotations

import datetime
import decimal
import functools
from collections.abc import Callable, Hashable, Iterator, Sequence

import duckdb
import pyarrow as pa
from hypothesis import strategies as st

from sqlengine.batch import Batch
from sqlengine.executor.context import Flag, MemoryAccount, TaskContext
from sqlengine.executor.operators.run import run_pipeline
from sqlengine.planner.expressions import Column
from sqlengine.planner.physical import ExchangeRead, Exec, ScanExec
from sqlengine.types import BIGINT, DATE, DOUBLE, INTEGER, VARCHAR, SqlType, arrow_type
from sqlengine.types import decimal as decimal_type

Row = tuple[object, ...]

INTEGERS = st.one_of(st.none(), st.integers(-2, 3))
VALUES: dict[SqlType, st.SearchStrategy[object]] = {
    INTEGER: INTEGERS,
    BIGINT: st.one_of(INTEGERS, st.sampled_from([2**62, -(2**62)])),
    DOUBLE: st.one_of(st.none(), st.sampled_from([0.0, -0.0, 1.5, -2.25, float("nan"), float("inf"), float("-inf")])),
    VARCHAR: st.one_of(st.none(), st.sampled_from(["", "a", "b", "ab", "ä", "z" * 40])),
    DATE: st.one_of(st.none(), st.sampled_from([datetime.date(1970, 1, 1), datetime.date(2020, 2, 29)])),
    decimal_type(12, 2): st.one_of(st.none(), st.sampled_from([decimal.Decimal(text) for text in ("0.00", "1.25")])),
    decimal_type(30, 3): st.one_of(
        st.none(), st.sampled_from([decimal.Decimal(text) for text in ("-1.125", "123456789012345678901.500")])
    ),
}


def rows_of(types: Sequence[SqlType], max_size: int = 12) -> st.SearchStrategy[list[Row]]:
    """Rows of these types, duplicates and NULLs likely."""
    return st.lists(st.tuples(*(VALUES[type_] for type_ in types)), max_size=max_size)


class Source:
    """A leaf with its rows, handed out in batches of `batch_rows`."""

    def __init__(
        self, leaf: int, columns: Sequence[Column], rows: Sequence[Row], batch_rows: int = 3, dictionary: bool = False
    ) -> None:
        self.columns = tuple(columns)
        self.rows = rows
        self.node = ExchangeRead(leaf, leaf, self.columns)
        self.arrow = pa.table(
            [pa.array([row[k] for row in rows], arrow_type(c.type)) for k, c in enumerate(self.columns)],
            names=[column.name for column in self.columns],
        )
        self.batches = []
        for start in range(0, len(rows), batch_rows):
            part = self.arrow.slice(start, batch_rows).combine_chunks()
            arrays = [part.column(k).chunk(0) for k in range(part.num_columns)]
            if dictionary:
                arrays = [a.dictionary_encode() if pa.types.is_string(a.type) else a for a in arrays]
            batch = pa.RecordBatch.from_arrays(arrays, names=[str(k) for k in range(len(arrays))])
            self.batches.append(batch)

    def read(self) -> list[Batch]:
        """Its batches as operators get them."""
        return [Batch.from_arrow(batch, [(c.id, c.type) for c in self.columns]) for batch in self.batches]


class Inputs:
    """TaskInputs over sources in memory."""

    def __init__(self, sources: Sequence[Source], runs: Sequence[Source] = (), broadcast: bool = False) -> None:
        self._sources = {source.node.leaf: source for source in sources}
        self._runs = runs
        self._broadcast = broadcast
        self.built: dict[Hashable, object] = {}
        self.pulled = 0

    def scan(self, leaf: ScanExec) -> Iterator[pa.RecordBatch]:
        yield from self._sources[leaf.leaf].batches

    def pieces(self, leaf: ExchangeRead) -> Iterator[Batch]:
        for batch in self._sources[leaf.leaf].read():
            self.pulled += 1
            yield batch

    def runs(self, leaf: ExchangeRead) -> list[list[Batch]]:
        return [source.read() for source in self._runs if source.rows]

    def shared(self, key: Hashable, build: Callable[[], object]) -> object:
        if key not in self.built:
            self.built[key] = build()
        return self.built[key]

    def is_broadcast(self, leaf: ExchangeRead) -> bool:
        return self._broadcast


def context(batch_rows: int = 4, memory_limit: int | None = None) -> TaskContext:
    """A task's context that nobody cancels."""
    return TaskContext(Flag(), MemoryAccount(memory_limit), batch_rows)


def run(root: Exec, inputs: Inputs, batch_rows: int = 4, memory_limit: int | None = None) -> list[Row]:
    """All rows of a pipeline, in order; its batches must hold the promised columns and not be empty."""
    rows: list[Row] = []
    for batch in run_pipeline(root, inputs, context(batch_rows, memory_limit)):
        assert batch.length > 0
        record = batch.to_arrow([column.id for column in root.columns])
        for array, column in zip(record.columns, root.columns, strict=False):
            plain = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
            assert plain == arrow_type(column.type)
        if root.columns:
            rows.extend(zip(*(array.to_pylist() for array in record.columns), strict=True))
        else:
            rows.extend([()] * batch.length)
    return rows


def ask_duckdb(sql: str, **tables: Source) -> list[Row]:
    """The oracle's rows."""
    connection = _oracle()
    for name, source in tables.items():
        connection.register(name, source.arrow)
    try:
        return connection.execute(sql).fetchall()
    finally:
        for name in tables:
            connection.unregister(name)


@functools.cache
def _oracle() -> duckdb.DuckDBPyConnection:
    """One connection for all tests: making one takes longer than most queries."""
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    return connection


def canonical(rows: Sequence[Row]) -> list[str]:
    """Rows as text that is equal for equal values: one NaN, one zero."""
    return [repr(tuple(_plain(value) for value in row)) for row in rows]


def bag(rows: Sequence[Row]) -> list[str]:
    """`canonical`, order forgotten."""
    return sorted(canonical(rows))


def _plain(value: object) -> object:
    if isinstance(value, float):
        return 0.0 if value == 0 else value
    if isinstance(value, decimal.Decimal) and value.as_tuple().exponent == 0:
        # How a HUGEINT comes out of Arrow.
        return int(value)
    return value
