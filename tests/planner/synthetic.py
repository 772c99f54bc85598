"""Tables that exist in statistics only: planning reads no data."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlengine.storage.format import ColumnStatistics, Field, Split
from sqlengine.storage.table import Predicate, ScanPlan, ScanTask
from sqlengine.types import BIGINT, DATE, DOUBLE, INTEGER, VARCHAR, SqlType, decimal, list_of, struct_of

NONE = ColumnStatistics()
ROWS_PER_SPLIT = 122_880
ROWS_PER_TASK = 524_288


@dataclass(frozen=True, eq=False)
class SyntheticTable:
    """`rows` rows in equal splits; `sorted_by` is a column whose values ascend over the splits, so that it prunes."""

    name: str
    rows: int
    columns: Mapping[str, tuple[SqlType, ColumnStatistics]]
    bytes_per_row: int = 30
    sorted_by: str | None = None
    description: str = "parquet"
    asked: list[str] = field(default_factory=list)

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(Field(name, type_) for name, (type_, _) in self.columns.items())

    @property
    def hidden_fields(self) -> tuple[Field, ...]:
        return ()

    def row_count(self) -> int:
        return self.rows

    def size(self) -> int:
        return self.rows * self.bytes_per_row

    def statistics(self, column: str) -> ColumnStatistics:
        self.asked.append(column)
        return self.columns[column][1]

    def plan_scan(self, columns: Sequence[str], predicates: Sequence[Predicate]) -> ScanPlan:
        total = max(1, math.ceil(self.rows / ROWS_PER_SPLIT))
        pruning = [p for p in predicates if p.column == self.sorted_by and p.op in ("<", "<=", ">", ">=", "=")]
        kept = [number for number in range(total) if all(self._may_hold(number, total, p) for p in pruning)]
        splits = [
            Split(
                f"{self.name}.parquet",
                number,
                number + 1,
                min(ROWS_PER_SPLIT, self.rows - number * ROWS_PER_SPLIT),
                min(ROWS_PER_SPLIT, self.rows) * self.bytes_per_row,
            )
            for number in kept
        ]
        per_task = ROWS_PER_TASK // ROWS_PER_SPLIT
        tasks = [tuple(splits[start : start + per_task]) for start in range(0, len(splits), per_task)]
        by = " and ".join(map(str, pruning)) if len(kept) < total else ""
        return ScanPlan(
            tuple(ScanTask(task, sum(split.rows for split in task)) for task in tasks), total, total - len(kept), by
        )

    def _may_hold(self, number: int, total: int, predicate: Predicate) -> bool:
        statistics = self.columns[predicate.column][1]
        low, high = _number(statistics.minimum), _number(statistics.maximum)
        first = low + (high - low) * number / total
        last = low + (high - low) * (number + 1) / total
        value = _number(predicate.values[0])
        match predicate.op:
            case "<" | "<=":
                return first <= value
            case ">" | ">=":
                return last >= value
            case _:
                return first <= value <= last

    def read(self, task: ScanTask, columns: Sequence[str], batch_rows: int, report: object = None) -> Iterator[object]:
        raise NotImplementedError("a synthetic table has no rows")


@dataclass(frozen=True, eq=False)
class NestedTable(SyntheticTable):
    """One that can leave out fields of structs."""

    whole_fields: tuple[Field, ...] = ()

    def narrowed(self, types: Mapping[str, SqlType]) -> NestedTable:
        columns = {name: (types.get(name, type_), known) for name, (type_, known) in self.columns.items()}
        return NestedTable(self.name, self.rows, columns, whole_fields=self.whole_fields or self.fields)


def _number(value: object) -> float:
    if isinstance(value, datetime.date):
        return float(value.toordinal())
    return float(value)  # type: ignore[arg-type]


def between(minimum: object, maximum: object, distinct: int | None = None) -> ColumnStatistics:
    return ColumnStatistics(minimum, maximum, 0, distinct)


def numbers(low: int, high: int, type_: SqlType = BIGINT) -> tuple[SqlType, ColumnStatistics]:
    return type_, between(low, high)


def words(low: str = "a", high: str = "z", distinct: int | None = None) -> tuple[SqlType, ColumnStatistics]:
    return VARCHAR, between(low, high, distinct)


def days(low: str, high: str) -> tuple[SqlType, ColumnStatistics]:
    return DATE, between(datetime.date.fromisoformat(low), datetime.date.fromisoformat(high))


def money(low: int, high: int) -> tuple[SqlType, ColumnStatistics]:
    from decimal import Decimal

    return decimal(15, 2), between(Decimal(low), Decimal(high))


def small_tables() -> dict[str, SyntheticTable]:
    """a and b, two tables for examples; c, a small one; deep, one of structs; big, one that a join cannot broadcast."""
    place = struct_of([("p", BIGINT), ("q", DATE)])
    return {
        "a": SyntheticTable(
            "a",
            1_000_000,
            {
                "k": numbers(1, 1_000_000),
                "x": numbers(0, 99, INTEGER),
                "d": days("2020-01-01", "2023-12-31"),
                "s": words(),
                "f": (DOUBLE, between(0.0, 1.0)),
                "ref": numbers(1, 1000),
            },
            sorted_by="d",
        ),
        "b": SyntheticTable("b", 200_000, {"k": numbers(1, 1_000_000), "y": numbers(0, 9, INTEGER), "t": words()}),
        "c": SyntheticTable("c", 1_000, {"k": numbers(1, 1_000), "z": numbers(0, 4, INTEGER), "u": words()}),
        "deep": NestedTable(
            "deep",
            1_000,
            {
                "k": numbers(1, 1_000),
                "s": (struct_of([("x", BIGINT), ("y", VARCHAR), ("in", place)]), NONE),
                "l": (list_of(struct_of([("price", DOUBLE), ("note", VARCHAR)])), NONE),
                "m": (list_of(struct_of([("in", place), ("u", BIGINT), ("v", BIGINT)])), NONE),
            },
        ),
        "big": SyntheticTable("big", 20_000_000, {"k": numbers(1, 20_000_000), "v": numbers(0, 10**12), "w": words()}),
    }


def tpch_tables() -> dict[str, SyntheticTable]:
    """TPC-H at scale factor 1: sizes and value ranges of the specification (section 4.2), no data."""
    orders = ("1992-01-01", "1998-08-02")
    return {
        table.name: table
        for table in (
            SyntheticTable("region", 5, {"r_regionkey": numbers(0, 4), "r_name": words(), "r_comment": words()}),
            SyntheticTable(
                "nation",
                25,
                {
                    "n_nationkey": numbers(0, 24),
                    "n_name": words(),
                    "n_regionkey": numbers(0, 4),
                    "n_comment": words(),
                },
            ),
            SyntheticTable(
                "supplier",
                10_000,
                {
                    "s_suppkey": numbers(1, 10_000),
                    "s_name": words(),
                    "s_address": words(),
                    "s_nationkey": numbers(0, 24),
                    "s_phone": words(),
                    "s_acctbal": money(-999, 9999),
                    "s_comment": words(),
                },
            ),
            SyntheticTable(
                "customer",
                150_000,
                {
                    "c_custkey": numbers(1, 150_000),
                    "c_name": words(),
                    "c_address": words(),
                    "c_nationkey": numbers(0, 24),
                    "c_phone": words(),
                    "c_acctbal": money(-999, 9999),
                    "c_mktsegment": words(),
                    "c_comment": words(),
                },
            ),
            SyntheticTable(
                "part",
                200_000,
                {
                    "p_partkey": numbers(1, 200_000),
                    "p_name": words(),
                    "p_mfgr": words(),
                    "p_brand": words(),
                    "p_type": words(),
                    "p_size": numbers(1, 50, INTEGER),
                    "p_container": words(),
                    "p_retailprice": money(901, 2099),
                    "p_comment": words(),
                },
            ),
            SyntheticTable(
                "partsupp",
                800_000,
                {
                    "ps_partkey": numbers(1, 200_000),
                    "ps_suppkey": numbers(1, 10_000),
                    "ps_availqty": numbers(1, 9999, INTEGER),
                    "ps_supplycost": money(1, 1000),
                    "ps_comment": words(),
                },
            ),
            SyntheticTable(
                "orders",
                1_500_000,
                {
                    "o_orderkey": numbers(1, 6_000_000),
                    "o_custkey": numbers(1, 149_999),
                    "o_orderstatus": words("F", "P"),
                    "o_totalprice": money(857, 555285),
                    "o_orderdate": days(*orders),
                    "o_orderpriority": words(),
                    "o_clerk": words(),
                    "o_shippriority": numbers(0, 0, INTEGER),
                    "o_comment": words(),
                },
            ),
            SyntheticTable(
                "lineitem",
                6_001_215,
                {
                    "l_orderkey": numbers(1, 6_000_000),
                    "l_partkey": numbers(1, 200_000),
                    "l_suppkey": numbers(1, 10_000),
                    "l_linenumber": numbers(1, 7, INTEGER),
                    "l_quantity": money(1, 50),
                    "l_extendedprice": money(901, 104950),
                    "l_discount": money(0, 1),
                    "l_tax": money(0, 1),
                    "l_returnflag": words("A", "R"),
                    "l_linestatus": words("F", "O"),
                    "l_shipdate": days("1992-01-02", "1998-12-01"),
                    "l_commitdate": days("1992-01-31", "1998-10-31"),
                    "l_receiptdate": days("1992-01-04", "1998-12-31"),
                    "l_shipinstruct": words(),
                    "l_shipmode": words(),
                    "l_comment": words(),
                },
            ),
        )
    }
