"""The joins of the physical plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlengine.planner.expressions import Column, Expression
from sqlengine.planner.logical_joins import JoinKind

if TYPE_CHECKING:
    from sqlengine.planner.physical import Exec


@dataclass(frozen=True, slots=True)
class HashJoinExec:
    """Equi-join: builds a table of the rows of `build`, probes it with `probe`, batch by batch.

    `kind` is seen from the probe side: LEFT keeps unmatched probe rows, RIGHT unmatched build rows, FULL both;
    SEMI/ANTI deliver probe rows, RIGHT and FULL need both sides hash-partitioned. `residual` conjuncts
    are part of the join condition and see both sides' columns. `columns` is what is delivered, in order.
    `null_equal` per key: whether NULL matches NULL (IS NOT DISTINCT FROM).
    """

    probe: Exec
    build: Exec
    kind: JoinKind
    probe_keys: tuple[Expression, ...]
    build_keys: tuple[Expression, ...]
    residual: tuple[Expression, ...]
    columns: tuple[Column, ...]
    null_equal: tuple[bool, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NestedLoopJoinExec:
    """Join on `conditions` without an equality: every probe batch against every build row, in blocks."""

    probe: Exec
    build: Exec
    kind: JoinKind
    conditions: tuple[Expression, ...]
    columns: tuple[Column, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Bound:
    """`build operator probe`, operator one of < <= > >=: where in the ordered build side a probe row's partners lie."""

    build: Expression
    operator: str
    probe: Expression


@dataclass(frozen=True, slots=True)
class SortedJoinExec:
    """Join on inequalities, within equal keys if there are any: searches the build side, put in order.

    As HashJoinExec, with one or two `bounds` that a pair must meet too; the first one's build values give the order.
    `nearest` (ASOF): of the partners of a probe row only the one that meets the first bound most closely counts.
    """

    probe: Exec
    build: Exec
    kind: JoinKind
    probe_keys: tuple[Expression, ...]
    build_keys: tuple[Expression, ...]
    bounds: tuple[Bound, ...]
    residual: tuple[Expression, ...]
    columns: tuple[Column, ...]
    null_equal: tuple[bool, ...] = ()
    nearest: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class KeyAlternative:
    """`probe[k] = build[k]` for all k, of which `null_equal[k]` says whether NULL matches NULL."""

    probe: tuple[Expression, ...]
    build: tuple[Expression, ...]
    null_equal: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class AnyKeyJoinExec:
    """Join on alternatives: `conditions`, all of them, imply that the keys of at least one alternative are equal."""

    probe: Exec
    build: Exec
    kind: JoinKind
    alternatives: tuple[KeyAlternative, ...]
    conditions: tuple[Expression, ...]
    columns: tuple[Column, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PositionalJoinExec:
    """Row k of one input beside row k of each other; where an input is shorter, NULL. Runs in one task."""

    inputs: tuple[Exec, ...]
    columns: tuple[Column, ...]
