"""One line of text for each kind of physical operator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from sqlengine.planner.explain_logical import (
    aggregate_names,
    condition_part,
    expand_parts,
    per_part,
    qualified_names,
    rows_part,
    unnest_parts,
    window_part,
    window_parts,
)
from sqlengine.planner.expression_text import ExpressionText
from sqlengine.planner.expressions import Column, Expression, conjuncts
from sqlengine.planner.physical import (
    AppendExec,
    ExchangeRead,
    Exec,
    FilterExec,
    LimitExec,
    ProjectExec,
    ScanExec,
    SortExec,
    Stage,
    UnnestExec,
    ValuesExec,
    WindowExec,
    exec_inputs,
)
from sqlengine.planner.physical_aggregates import AggregateColumn, AggregateExec, AggregateMode, ExpandExec
from sqlengine.planner.physical_joins import (
    AnyKeyJoinExec,
    Bound,
    HashJoinExec,
    NestedLoopJoinExec,
    PositionalJoinExec,
    SortedJoinExec,
)
from sqlengine.planner.physical_write import WriteExec
from sqlengine.planner.scan_text import scanned
from sqlengine.planner.tree_text import Line, Part
from sqlengine.planner.window_call import WindowCall


@dataclass(frozen=True, slots=True)
class ReadingLeaves:
    """Numbers of leaves that read a whole stage in every task, and of those whose stage other leaves read too."""

    broadcast: frozenset[int]
    shared: frozenset[int]


def describe_exec(node: Exec, reading: ReadingLeaves, text: ExpressionText) -> Line:
    """The tree of lines for a stage's operators."""
    inputs = tuple(describe_exec(child, reading, text) for child in exec_inputs(node))
    return Line(type(node).__name__, _parts(node, reading, text), inputs)


def names_of_stages(stages: Iterable[Stage]) -> dict[int, str]:
    """What to call columns in the text of stages, where their own name would not do."""
    scans: list[tuple[str, tuple[Column, ...]]] = []
    aggregates: list[AggregateColumn] = []
    windows: list[tuple[Column, WindowCall]] = []

    def collect(node: Exec) -> None:
        match node:
            case ScanExec():
                scans.append((node.name, node.read_columns))
            case AggregateExec():
                aggregates.extend(node.aggregates)
            case WindowExec():
                windows.extend(zip(node.call_columns, node.calls, strict=True))
            case _:
                pass
        for child in exec_inputs(node):
            collect(child)

    for stage in stages:
        collect(stage.root)
    names = qualified_names(scans)
    text = ExpressionText(names)
    called = [(each.column, _aggregate(each, text)) for each in aggregates]
    return names | aggregate_names([*called, *((column, text.call(call)) for column, call in windows)])


def _parts(node: Exec, reading: ReadingLeaves, text: ExpressionText) -> tuple[Part, ...]:
    match node:
        case ScanExec():
            return (
                Part(_scan(node)),
                Part("", scanned(node.table, _delivered(node), text)),
                condition_part("where", node.filters, text),
            )
        case ExchangeRead():
            how = ", shared" if node.leaf in reading.shared else ""
            how += ", broadcast" if node.leaf in reading.broadcast else ""
            merge = Part("merge by", tuple(text.key(key) for key in node.merge)) if node.merge else Part("")
            return (Part(f"stage {node.stage}{how}"), merge)
        case ValuesExec():
            return (rows_part(len(node.rows), not node.columns),)
        case FilterExec():
            return (condition_part("", conjuncts(node.condition), text),)
        case ProjectExec():
            return (Part("", tuple(text.named(c, e) for c, e in zip(node.columns, node.expressions, strict=True))),)
        case AggregateExec():
            keys = tuple(text.named(c, e) for c, e in zip(node.key_columns, node.keys, strict=True))
            if node.mode in (AggregateMode.MERGE, AggregateMode.FINAL):
                keys = tuple(map(text.column, node.key_columns))
            return (
                Part(f"{node.mode.value} by" if keys else node.mode.value, keys),
                Part("", tuple(_aggregate(each, text) for each in node.aggregates)),
                Part(node.reason),
            )
        case HashJoinExec():
            pairs = zip(node.probe_keys, node.build_keys, node.null_equal, strict=True)
            equalities = tuple(_equality(probe, build, null, text) for probe, build, null in pairs)
            return (
                Part(f"{node.kind.value} on", equalities, " AND "),
                condition_part("and", node.residual, text),
                Part(node.reason),
            )
        case NestedLoopJoinExec():
            if not node.conditions:
                return (Part("cross" if node.kind.value == "inner" else node.kind.value), Part(node.reason))
            return (condition_part(f"{node.kind.value} on", node.conditions, text), Part(node.reason))
        case SortedJoinExec():
            pairs = zip(node.probe_keys, node.build_keys, node.null_equal, strict=True)
            conditions = tuple(_equality(probe, build, null, text) for probe, build, null in pairs)
            conditions += tuple(_bound(bound, text) for bound in node.bounds)
            return (
                Part(f"{node.kind.value}{', closest' if node.nearest else ''} on", conditions, " AND "),
                condition_part("and", node.residual, text),
                Part(node.reason),
            )
        case AnyKeyJoinExec():
            return (condition_part(f"{node.kind.value} on", node.conditions, text), Part(node.reason))
        case PositionalJoinExec():
            return ()
        case SortExec():
            return (Part("", tuple(text.key(key) for key in node.keys)), window_part(node.limit, 0))
        case LimitExec():
            return (window_part(node.limit, node.offset, node.percent), per_part(node.per, text))
        case UnnestExec():
            return unnest_parts(node, text)
        case WindowExec():
            return (*window_parts(node, text), Part(node.reason))
        case ExpandExec():
            return expand_parts(node, text)
        case WriteExec():
            by = Part("by", node.spec.partition_names) if node.partition else Part("")
            target = "folder" if node.spec.is_folder else "one file"
            return (Part(f"{node.spec.format}, {target}"), by, Part(node.reason))
        case AppendExec():
            return (Part("", tuple(map(text.column, node.columns))),)
        case _:
            assert_never(node)


def _delivered(node: ScanExec) -> list[tuple[Column, str]]:
    """The columns that a scan delivers, with their names in the table."""
    kept = set(node.columns)
    pairs = zip(node.read_columns, node.source_names, strict=True)
    return [(column, name) for column, name in pairs if column in kept]


def _scan(node: ScanExec) -> str:
    line = f"{node.name}, {node.table.description}, {node.total - node.pruned} of {node.total} splits"
    if not node.pruned:
        return line
    return f"{line} ({node.pruned} pruned{f' by {node.pruned_by}' if node.pruned_by else ''})"


def _aggregate(aggregate: AggregateColumn, text: ExpressionText) -> str:
    arguments = dict.fromkeys(aggregate.arguments or (each for state in aggregate.states for each in state.arguments))
    return text.aggregate(aggregate.function, tuple(arguments), aggregate.distinct, aggregate.filter, aggregate.order)


def _bound(bound: Bound, text: ExpressionText) -> str:
    return f"{text.expression(bound.build)} {bound.operator} {text.expression(bound.probe)}"


def _equality(probe: Expression, build: Expression, null_equal: bool, text: ExpressionText) -> str:
    return f"{text.expression(probe)} {'IS NOT DISTINCT FROM' if null_equal else '='} {text.expression(build)}"
