"""EXPLAIN: plans as text, in three levels.

``EXPLAIN``          the physical plan, from the result down, each choice with its reason
``EXPLAIN VERBOSE``  the bound plan, what each rule changed, the plan after all rules, the physical plan
``EXPLAIN ANALYZE``  the physical plan with estimates beside the rows, bytes, seconds and memory of a run

No ids, addresses, absolute paths or (in the first two) times, so that the text can be a test's expectation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol, assert_never

from sqlengine.planner.choices import format_bytes, format_count
from sqlengine.planner.explain_changes import explain_change
from sqlengine.planner.explain_logical import describe, names_of
from sqlengine.planner.explain_physical import ReadingLeaves, describe_exec, names_of_stages
from sqlengine.planner.expression_text import ExpressionText
from sqlengine.planner.logical import Node
from sqlengine.planner.physical import (
    ExchangeRead,
    Exec,
    Gather,
    HashPartition,
    PhysicalPlan,
    RangePartition,
    ReadPieces,
    ScanExec,
    Stage,
    exec_inputs,
    leaves,
)
from sqlengine.planner.tree_text import Line, render
from sqlengine.storage.table import ScanReport

# An estimate this many times off is marked.
FAR_OFF: Final = 10.0


class StageMetrics(Protocol):
    """What one task of a run did; the executor's record of a task is one.

    `operators`: rows out and seconds spent per operator, in pre-order of the stage's tree.
    """

    @property
    def stage(self) -> int:
        """Number of the stage."""
        ...

    @property
    def task(self) -> int:
        """Number of the task."""
        ...

    @property
    def rows(self) -> int:
        """Rows delivered."""
        ...

    @property
    def seconds(self) -> float:
        """Seconds it took."""
        ...

    @property
    def bytes(self) -> int:
        """Bytes delivered."""
        ...

    @property
    def peak_memory(self) -> int:
        """Most bytes its operators held at a time."""
        ...

    @property
    def operators(self) -> tuple[tuple[int, float], ...]:
        """Per operator."""
        ...

    @property
    def reports(self) -> Mapping[int, ScanReport]:
        """Per leaf that scans."""
        ...


def explain_logical(plan: Node) -> str:
    """A logical plan as a tree."""
    return "\n".join(render(describe(plan, ExpressionText(names_of(plan)))))


def explain_physical(plan: PhysicalPlan) -> str:
    """The stages of a physical plan, the one that makes the result first."""
    return "\n".join(_stages(plan, {}))


def explain_verbose(bound: Node, traces: Sequence[tuple[str, Node]], plan: PhysicalPlan) -> str:
    """The plan as bound, what each rule changed (`traces`: the plan after it), after all rules, and as it will run."""
    sections = [("Bound", explain_logical(bound))]
    before = bound
    for rule, after in traces:
        sections.append((rule, explain_change(before, after)))
        before = after
    if traces:
        sections.append(("Optimized", explain_logical(before)))
    sections.append(("Physical", explain_physical(plan)))
    return "\n\n".join(f"-- {title}\n{text}" for title, text in sections)


def explain_analyze(plan: PhysicalPlan, metrics: Sequence[StageMetrics], seconds: float, rows: int) -> str:
    """The physical plan with what each stage and operator did in a run of `seconds` that gave `rows` rows.

    Seconds and rows of operators are summed over tasks, which run at the same time. `est.` is what the planner
    took the rows for, with how many times it was off from `FAR_OFF` on; `peak` is the most that a task held.
    """
    by_stage: dict[int, list[StageMetrics]] = {stage.id: [] for stage in plan.stages}
    for task in metrics:
        by_stage[task.stage].append(task)
    head = f"{rows:,} row{'' if rows == 1 else 's'} in {_seconds(seconds)}"
    return "\n".join([head, *_stages(plan, by_stage)])


def _stages(plan: PhysicalPlan, metrics: Mapping[int, Sequence[StageMetrics]]) -> Iterator[str]:
    if plan.small:
        yield f"Inline: {plan.small_reason}"
    broadcast = _broadcast_leaves(plan)
    reading = ReadingLeaves(frozenset(broadcast), _sharing_leaves(plan))
    stages = frozenset(each.stage for each in broadcast.values())
    text = ExpressionText(names_of_stages(plan.stages))
    for stage in reversed(plan.stages):
        tasks = f"{len(stage.tasks)} task{'' if len(stage.tasks) == 1 else 's'}"
        output = "result" if stage is plan.result else _output(stage, stage.id in stages, text)
        done = metrics.get(stage.id, ())
        yield f"Stage {stage.id}: {tasks}, {output}{_stage_metrics(stage, done)}"
        line = describe_exec(stage.root, reading, text)
        yield from render(_with_metrics(line, stage, done, reading.broadcast), "  ")


def _broadcast_leaves(plan: PhysicalPlan) -> dict[int, ExchangeRead]:
    """By number, the leaves through which each of several tasks reads a whole stage."""
    return {
        leaf.leaf: leaf
        for stage in plan.stages
        for leaf in leaves(stage.root)
        if isinstance(leaf, ExchangeRead)
        and len(stage.tasks) > 1
        and all(task.inputs[leaf.leaf] == ReadPieces() for task in stage.tasks)
    }


def _sharing_leaves(plan: PhysicalPlan) -> frozenset[int]:
    """Numbers of the leaves that read a stage which other leaves read too."""
    reading = [leaf for stage in plan.stages for leaf in leaves(stage.root) if isinstance(leaf, ExchangeRead)]
    readers = Counter(leaf.stage for leaf in reading)
    return frozenset(leaf.leaf for leaf in reading if readers[leaf.stage] > 1)


def _output(stage: Stage, broadcast: bool, text: ExpressionText) -> str:
    first = "" if stage.limit is None else f"first {stage.limit:,} rows, "
    match stage.output:
        case Gather():
            return f"{first}broadcast" if broadcast else f"{first}gathered"
        case HashPartition(keys=keys, buckets=buckets):
            return f"{first}hash({', '.join(map(text.expression, keys))}) into {buckets}"
        case RangePartition(key=key, buckets=buckets):
            return f"{first}ranges of {text.key(key)} into {buckets}"
        case _:
            assert_never(stage.output)


def _stage_metrics(stage: Stage, tasks: Sequence[StageMetrics]) -> str:
    if not tasks:
        return ""
    rows, size = sum(task.rows for task in tasks), sum(task.bytes for task in tasks)
    seconds = sum(task.seconds for task in tasks)
    text = f" [{format_count(rows)} rows{_estimate(stage.estimated_rows, rows)}, {format_bytes(size)}"
    text += f", peak {format_bytes(max(task.peak_memory for task in tasks))}, {_seconds(seconds)}"
    if len(tasks) < len(stage.tasks):
        text += f", {len(stage.tasks) - len(tasks)} not needed"
    if len(tasks) > 1:
        slowest = max(tasks, key=lambda task: task.seconds)
        text += f", slowest {_seconds(slowest.seconds)} (task {slowest.task})"
    return text + "]"


def _estimate(estimated: int | None, rows: int) -> str:
    if estimated is None:
        return ""
    off = max(estimated, rows, 1) / max(1, min(estimated, rows))
    return f" (est. {format_count(estimated)}" + (f", {off:,.0f}x off)" if off >= FAR_OFF else ")")


def _with_metrics(line: Line, stage: Stage, tasks: Sequence[StageMetrics], broadcast: frozenset[int]) -> Line:
    """The tree of lines with rows and seconds of each operator, summed over `tasks`."""
    if not any(task.operators for task in tasks):
        return line
    position = 0

    def annotated(line: Line, node: Exec) -> Line:
        nonlocal position
        mine = [task.operators[position] for task in tasks if position < len(task.operators)]
        estimated = stage.estimates[position] if position < len(stage.estimates) else None
        if isinstance(node, ExchangeRead) and node.leaf in broadcast:
            # Read by as many processes as there happen to be.
            estimated = None
        position += 1
        rows = sum(delivered for delivered, _ in mine)
        seconds = sum(spent for _, spent in mine)
        suffix = f" [{format_count(rows)} rows{_estimate(estimated, rows)}, {_seconds(seconds)}{_cached(node, tasks)}]"
        inputs = tuple(annotated(child, below) for child, below in zip(line.inputs, exec_inputs(node), strict=True))
        return Line(line.kind, line.parts, inputs, suffix)

    return annotated(line, stage.root)


def _cached(node: Exec, tasks: Sequence[StageMetrics]) -> str:
    """How many of a scan's splits came from the cache of decoded columns, or that there was nothing to decode."""
    if not isinstance(node, ScanExec):
        return ""
    reports = [task.reports[node.leaf] for task in tasks if node.leaf in task.reports]
    if reports and all(report.is_plain for report in reports):
        return ", nothing to decode"
    cached = sum(report.cached for report in reports)
    return f", cache: {cached} of {sum(report.splits for report in reports)} splits" if cached else ""


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1000:.1f} ms"
