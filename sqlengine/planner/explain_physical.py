"""One line of text for each kind of physical operator."""

from __future__ import annotations

from typing import assert_never

from sqlengine.planner.explain_logical import condition_part, named, rows_part, window_part
from sqlengine.planner.expression_text import aggregate_text, key_to_sql, to_sql
from sqlengine.planner.expressions import Expression, conjuncts
from sqlengine.planner.physical import (
    AggregateColumn,
    AggregateExec,
    AggregateMode,
    AppendExec,
    ExchangeRead,
    Exec,
    FilterExec,
    HashJoinExec,
    LimitExec,
    NestedLoopJoinExec,
    ProjectExec,
    ScanExec,
    SortExec,
    ValuesExec,
    exec_inputs,
)
from sqlengine.planner.tree_text import Line, Part


def describe_exec(node: Exec, broadcast: frozenset[int]) -> Line:
    """The tree of lines for a stage's operators; `broadcast` are the stages that every task reads in full."""
    inputs = tuple(describe_exec(child, broadcast) for child in exec_inputs(node))
    return Line(type(node).__name__, _parts(node, broadcast), inputs)


def _parts(node: Exec, broadcast: frozenset[int]) -> tuple[Part, ...]:
    match node:
        case ScanExec():
            return (
                Part(_scan(node)),
                Part("", tuple(column.name for column in node.columns)),
                condition_part("where", node.filters),
            )
        case ExchangeRead():
            how = "broadcast" if node.stage in broadcast else ""
            merge = Part("merge by", tuple(key_to_sql(key) for key in node.merge)) if node.merge else Part("")
            return (Part(f"stage {node.stage}" + (f", {how}" if how else "")), merge)
        case ValuesExec():
            return (rows_part(len(node.rows), not node.columns),)
        case FilterExec():
            return (condition_part("", conjuncts(node.condition)),)
        case ProjectExec():
            return (Part("", tuple(named(c, e) for c, e in zip(node.columns, node.expressions, strict=True))),)
        case AggregateExec():
            keys = tuple(named(c, e) for c, e in zip(node.key_columns, node.keys, strict=True))
            if node.mode is AggregateMode.FINAL:
                keys = tuple(column.name for column in node.key_columns)
            return (
                Part(f"{node.mode.value} by" if keys else node.mode.value, keys),
                Part("", tuple(_aggregate(each) for each in node.aggregates)),
                Part(node.reason),
            )
        case HashJoinExec():
            pairs = zip(node.probe_keys, node.build_keys, node.null_equal, strict=True)
            equalities = tuple(_equality(probe, build, null) for probe, build, null in pairs)
            return (
                Part(f"{node.kind.value} on", equalities, " AND "),
                condition_part("and", node.residual),
                Part(node.reason),
            )
        case NestedLoopJoinExec():
            if not node.conditions:
                return (Part("cross" if node.kind.value == "inner" else node.kind.value), Part(node.reason))
            return (condition_part(f"{node.kind.value} on", node.conditions), Part(node.reason))
        case SortExec():
            return (Part("", tuple(key_to_sql(key) for key in node.keys)), window_part(node.limit, 0))
        case LimitExec():
            return (window_part(node.limit, node.offset),)
        case AppendExec():
            return (Part("", tuple(column.name for column in node.columns)),)
        case _:
            assert_never(node)


def _scan(node: ScanExec) -> str:
    text = f"{node.name}, {node.table.description}, {node.total - node.pruned} of {node.total} splits"
    if not node.pruned:
        return text
    return f"{text} ({node.pruned} pruned{f' by {node.pruned_by}' if node.pruned_by else ''})"


def _aggregate(aggregate: AggregateColumn) -> str:
    arguments: dict[Expression, None] = {}
    for state in aggregate.states:
        if state.argument is not None:
            arguments[state.argument] = None
    return aggregate_text(aggregate.function, tuple(arguments), aggregate.distinct, aggregate.filter)


def _equality(probe: Expression, build: Expression, null_equal: bool) -> str:
    return f"{to_sql(probe)} {'IS NOT DISTINCT FROM' if null_equal else '='} {to_sql(build)}"
