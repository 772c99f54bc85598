"""What the binder's tests share: a catalog of columns without rows, and the same tables in DuckDB."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from sqlengine.errors import Error, render
from sqlengine.planner.binder import BoundQuery, bind_statement
from sqlengine.planner.expressions import (
    AggregateCall,
    Call,
    Case,
    Cast,
    Column,
    Expression,
    InList,
    Literal,
    SortKey,
)
from sqlengine.planner.logical import Aggregate, Filter, Limit, Node, Project, Scan, Sort, Union, Values, inputs_of
from sqlengine.planner.logical_joins import Join
from sqlengine.planner.parse import parse_statements
from sqlengine.planner.statements import Query
from sqlengine.storage.format import ColumnStatistics, Field
from sqlengine.storage.table import Predicate, ScanPlan, ScanTask
from sqlengine.types import (
    BIGINT,
    BLOB,
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

MONEY = decimal(15, 2)

TABLES: dict[str, list[tuple[str, SqlType]]] = {
    "t": [
        ("a", INTEGER),
        ("b", BIGINT),
        ("c", VARCHAR),
        ("d", DATE),
        ("e", DOUBLE),
        ("f", decimal(10, 2)),
        ("p", BOOLEAN),
        ("ts", TIMESTAMP),
    ],
    "u": [("a", INTEGER), ("k", BIGINT), ("z", VARCHAR)],
    "kinds": [
        ("i1", TINYINT),
        ("i2", SMALLINT),
        ("i4", INTEGER),
        ("i8", BIGINT),
        ("i16", HUGEINT),
        ("u8", UBIGINT),
        ("f4", FLOAT),
        ("f8", DOUBLE),
        ("m", MONEY),
        ("m4", decimal(4, 1)),
        ("s", VARCHAR),
        ("raw", BLOB),
        ("day", DATE),
        ("clock", TIME),
        ("moment", TIMESTAMP),
        ("span", INTERVAL),
        ("flag", BOOLEAN),
    ],
    "Mixed Case": [("Some Name", INTEGER), ("other", INTEGER)],
    "lineitem": [
        ("l_orderkey", BIGINT),
        ("l_partkey", BIGINT),
        ("l_suppkey", BIGINT),
        ("l_linenumber", INTEGER),
        ("l_quantity", MONEY),
        ("l_extendedprice", MONEY),
        ("l_discount", MONEY),
        ("l_tax", MONEY),
        ("l_returnflag", VARCHAR),
        ("l_linestatus", VARCHAR),
        ("l_shipdate", DATE),
        ("l_commitdate", DATE),
        ("l_receiptdate", DATE),
        ("l_shipinstruct", VARCHAR),
        ("l_shipmode", VARCHAR),
        ("l_comment", VARCHAR),
    ],
    "orders": [
        ("o_orderkey", BIGINT),
        ("o_custkey", BIGINT),
        ("o_orderstatus", VARCHAR),
        ("o_totalprice", MONEY),
        ("o_orderdate", DATE),
        ("o_orderpriority", VARCHAR),
        ("o_clerk", VARCHAR),
        ("o_shippriority", INTEGER),
        ("o_comment", VARCHAR),
    ],
    "customer": [
        ("c_custkey", BIGINT),
        ("c_name", VARCHAR),
        ("c_address", VARCHAR),
        ("c_nationkey", INTEGER),
        ("c_phone", VARCHAR),
        ("c_acctbal", MONEY),
        ("c_mktsegment", VARCHAR),
        ("c_comment", VARCHAR),
    ],
    "supplier": [
        ("s_suppkey", BIGINT),
        ("s_name", VARCHAR),
        ("s_address", VARCHAR),
        ("s_nationkey", INTEGER),
        ("s_phone", VARCHAR),
        ("s_acctbal", MONEY),
        ("s_comment", VARCHAR),
    ],
    "part": [
        ("p_partkey", BIGINT),
        ("p_name", VARCHAR),
        ("p_mfgr", VARCHAR),
        ("p_brand", VARCHAR),
        ("p_type", VARCHAR),
        ("p_size", INTEGER),
        ("p_container", VARCHAR),
        ("p_retailprice", MONEY),
        ("p_comment", VARCHAR),
    ],
    "nation": [("n_nationkey", INTEGER), ("n_name", VARCHAR), ("n_regionkey", INTEGER), ("n_comment", VARCHAR)],
    "region": [("r_regionkey", INTEGER), ("r_name", VARCHAR), ("r_comment", VARCHAR)],
}


@dataclass(frozen=True)
class EmptyTable:
    """Columns without rows: binding asks for nothing else."""

    description: str
    fields: tuple[Field, ...]

    @property
    def hidden_fields(self) -> tuple[Field, ...]:
        return ()

    def row_count(self) -> int:
        return 0

    def size(self) -> int:
        return 0

    def statistics(self, column: str) -> ColumnStatistics:
        raise AssertionError(f"binding asked for statistics of {column}")

    def plan_scan(self, columns: Sequence[str], predicates: Sequence[Predicate]) -> ScanPlan:
        raise AssertionError("binding planned a scan")

    def read(self, task: ScanTask, columns: Sequence[str], batch_rows: int, report: object = None) -> Iterator[object]:
        raise AssertionError("binding read data")


def table(name: str, columns: Sequence[tuple[str, SqlType]]) -> EmptyTable:
    return EmptyTable(name, tuple(Field(column, type_) for column, type_ in columns))


class EmptyCatalog:
    """Knows `TABLES`; any path is a file with the columns of t; remembers calls of table functions."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[object], dict[str, object]]] = []
        self.paths: list[str] = []

    def table(self, parts: tuple[str, ...], where: Sequence[Predicate] = ()) -> EmptyTable | None:
        by_name = {name.lower(): name for name in TABLES}
        if len(parts) != 1 or parts[0].lower() not in by_name:
            return None
        name = by_name[parts[0].lower()]
        return table(name, TABLES[name])

    def view(self, parts: tuple[str, ...]) -> None:
        return None

    def macro(self, name: str) -> None:
        return None

    def table_names(self) -> list[str]:
        return list(TABLES)

    def open_path(self, path: str, where: Sequence[Predicate] = ()) -> EmptyTable:
        self.paths.append(path)
        return table(path, TABLES["t"])

    def open_function(
        self,
        name: str,
        positional: Sequence[object],
        options: Mapping[str, object],
        where: Sequence[Predicate] = (),
    ) -> EmptyTable:
        self.calls.append((name, list(positional), dict(options)))
        return table(name, TABLES["t"])


def bind(sql: str, parameters: Sequence[object] | Mapping[str, object] | None = None) -> BoundQuery:
    """The bound form of the one query in `sql`."""
    (statement,) = parse_statements(sql)
    bound = bind_statement(statement, EmptyCatalog(), parameters)
    assert isinstance(bound, Query)
    return bound.query


def refusal(sql: str, parameters: Sequence[object] | Mapping[str, object] | None = None) -> str:
    """Class, message and caret of the error that `sql` causes."""
    try:
        bind(sql, parameters)
    except Error as error:
        return render(error, sql)
    raise AssertionError(f"no error: {sql}")


def types_of(query: BoundQuery) -> list[str]:
    return [str(column.type) for column in query.plan.columns]


@functools.cache
def oracle() -> duckdb.DuckDBPyConnection:
    """DuckDB with the tables of `TABLES`, empty."""
    connection = duckdb.connect()
    for name, columns in TABLES.items():
        body = ", ".join(f'"{column}" {type_}' for column, type_ in columns)
        connection.execute(f'CREATE TABLE "{name}" ({body})')
    return connection


def described(sql: str) -> list[tuple[str, str]]:
    """(name, type) of each column of a query, as DuckDB tells them."""
    rows = oracle().execute(f"DESCRIBE {sql}").fetchall()
    return [(str(row[0]), str(row[1]).strip('"')) for row in rows]


# -- plans as text ------------------------------------------------------------------------------


def shown(node: Node, depth: int = 0) -> str:
    """A plan as indented lines, columns as name#id."""
    lines = ["  " * depth + _line(node).rstrip()]
    lines += [shown(child, depth + 1) for child in inputs_of(node)]
    return "\n".join(lines)


def _line(node: Node) -> str:
    match node:
        case Scan(name=name):
            return f"Scan {name}"
        case Values(rows=rows):
            return "Values " + "; ".join(", ".join(map(text, row)) for row in rows)
        case Filter(condition=condition):
            return f"Filter {text(condition)}"
        case Project(columns=columns, expressions=expressions):
            return "Project " + _defined(columns, expressions)
        case Join(kind=kind, conditions=conditions):
            return f"Join {kind.value} " + ", ".join(map(text, conditions))
        case Aggregate():
            keys = _defined(node.key_columns, node.keys)
            return f"Aggregate [{keys}] {_defined(node.aggregate_columns, node.aggregates)}"
        case Sort(keys=sort_keys):
            return "Sort " + ", ".join(map(text, sort_keys))
        case Limit(limit=limit, offset=offset):
            return f"Limit {limit} offset {offset}"
        case Union(columns=columns):
            return "Union " + ", ".join(map(text, columns))


def _defined(columns: Sequence[Column], expressions: Sequence[Expression | AggregateCall]) -> str:
    return ", ".join(
        text(column) if column == expression else f"{text(column)} = {text(expression)}"
        for column, expression in zip(columns, expressions, strict=True)
    )


def text(part: Expression | AggregateCall | SortKey) -> str:
    """An expression as text."""
    match part:
        case Literal(value=None):
            return "NULL"
        case Literal(value=value):
            return repr(value) if isinstance(value, str) else str(value)
        case Column(id=number, name=name):
            return f"{name}#{number}"
        case Call(function=function, arguments=arguments):
            return f"{function}({', '.join(map(text, arguments))})"
        case Cast(operand=operand, type=type_, attempt=attempt):
            return f"{'try_cast' if attempt else 'cast'}({text(operand)} as {type_})"
        case Case(branches=branches, otherwise=otherwise):
            return f"case({', '.join(f'{text(c)}: {text(v)}' for c, v in branches)}, else {text(otherwise)})"
        case InList(operand=operand, values=values, negated=negated):
            return f"{text(operand)} {'not ' if negated else ''}in ({', '.join(map(text, values))})"
        case AggregateCall(function=function, arguments=arguments, distinct=distinct, filter=filter_):
            body = ("distinct " if distinct else "") + ", ".join(map(text, arguments))
            return f"{function}({body})" + ("" if filter_ is None else f" where {text(filter_)}")
        case SortKey(expression=expression, descending=descending, nulls_first=nulls_first):
            return text(expression) + (" desc" if descending else "") + (" nulls first" if nulls_first else "")
