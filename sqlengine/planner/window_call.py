"""Calls of functions over a window: which rows of its partition each row's call sees."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlengine.planner.expressions import Expression, SortKey
from sqlengine.types import SqlType


class FrameUnit(enum.Enum):
    """What the distances of a frame's bounds count."""

    ROWS = "ROWS"
    RANGE = "RANGE"  # differences of the ORDER BY key
    GROUPS = "GROUPS"  # groups of rows that ORDER BY does not tell apart


class Direction(enum.Enum):
    """Where a bound lies, seen from the current row."""

    PRECEDING = "PRECEDING"
    CURRENT = "CURRENT ROW"
    FOLLOWING = "FOLLOWING"


class Exclusion(enum.Enum):
    """Rows that a frame leaves out although they are between its bounds."""

    NOTHING = "NO OTHERS"
    CURRENT = "CURRENT ROW"
    GROUP = "GROUP"
    TIES = "TIES"


@dataclass(frozen=True, slots=True)
class FrameBound:
    """One end of a frame; PRECEDING and FOLLOWING without `offset` are UNBOUNDED.

    `offset` is a BIGINT number of rows or groups; of a RANGE it is the value of the order key at which the frame ends,
    of the type of `Frame.key`: NULL stands for the current row and its peers.
    """

    direction: Direction
    offset: Expression | None = None

    @property
    def is_unbounded(self) -> bool:
        """Whether the frame reaches to the partition's end on this side."""
        return self.direction is not Direction.CURRENT and self.offset is None


@dataclass(frozen=True, slots=True)
class Frame:
    """The rows of the partition that a call sees from the current row; without ORDER BY the default is all of them.

    `key` is the ORDER BY key as the type of RANGE bounds that have an offset; otherwise None.
    """

    unit: FrameUnit = FrameUnit.RANGE
    start: FrameBound = FrameBound(Direction.PRECEDING)
    end: FrameBound = FrameBound(Direction.CURRENT)
    exclusion: Exclusion = Exclusion.NOTHING
    key: Expression | None = None


@dataclass(frozen=True, slots=True)
class WindowCall:
    """A call of a window function or of an aggregate over a window; lives in Window nodes only.

    `filter`, `distinct` as of an AggregateCall, within the frame. `ignore_nulls`: rows whose first argument is NULL are
    as if they were not there. `order`: ORDER BY inside the call, the order in which it sees the rows of its frame.
    """

    function: str
    arguments: tuple[Expression, ...]
    type: SqlType
    frame: Frame
    distinct: bool = False
    filter: Expression | None = None
    ignore_nulls: bool = False
    order: tuple[SortKey, ...] = ()


def expressions_of_call(call: WindowCall) -> tuple[Expression, ...]:
    """Every expression that stands in the call."""
    frame = call.frame
    optional = (call.filter, frame.start.offset, frame.end.offset, frame.key)
    keys = tuple(key.expression for key in call.order)
    return (*call.arguments, *keys, *(each for each in optional if each is not None))


def map_call(call: WindowCall, change: Callable[[Expression], Expression]) -> WindowCall:
    """The call with every expression in it changed; the same object when none was."""

    def optional(expression: Expression | None) -> Expression | None:
        return None if expression is None else change(expression)

    frame = call.frame
    mapped = replace(
        call,
        arguments=tuple(change(each) for each in call.arguments),
        filter=optional(call.filter),
        order=tuple(replace(key, expression=change(key.expression)) for key in call.order),
        frame=replace(
            frame,
            start=replace(frame.start, offset=optional(frame.start.offset)),
            end=replace(frame.end, offset=optional(frame.end.offset)),
            key=optional(frame.key),
        ),
    )
    pairs = zip(expressions_of_call(mapped), expressions_of_call(call), strict=True)
    return call if all(new is old for new, old in pairs) else mapped
