"""The joins of the logical plan."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlengine.planner.expressions import Column, Expression

if TYPE_CHECKING:
    from sqlengine.planner.logical import Node


class JoinKind(enum.Enum):
    """INNER and CROSS (an INNER without condition), the outer ones, and the two that filter the left side."""

    INNER = "inner"
    LEFT = "left"
    RIGHT = "right"
    FULL = "full"
    SEMI = "semi"
    ANTI = "anti"


@dataclass(frozen=True, slots=True)
class Join:
    """Pairs of rows for which every one of `conditions` is true; none = all pairs.

    SEMI and ANTI deliver left rows with and without a partner.
    """

    kind: JoinKind
    left: Node
    right: Node
    conditions: tuple[Expression, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Left then right; left alone for SEMI and ANTI."""
        return _joined(self)


@dataclass(frozen=True, slots=True)
class AsofJoin:
    """Each left row with the right row closest to it among those for which every one of `conditions` is true.

    Closest: `left_at operator right_at` holds (operator one of < <= > >=) and right_at is nearest to left_at; of
    equally close rows the first. `kind` says, as for Join, what becomes of rows without a partner.
    """

    kind: JoinKind
    left: Node
    right: Node
    left_at: Expression
    operator: str
    right_at: Expression
    conditions: tuple[Expression, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """As a Join's."""
        return _joined(self)


@dataclass(frozen=True, slots=True)
class PositionalJoin:
    """Row k of each input side by side; where an input is shorter than another, NULL."""

    inputs: tuple[Node, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those of the inputs, in order."""
        return tuple(column for each in self.inputs for column in each.columns)


def _joined(join: Join | AsofJoin) -> tuple[Column, ...]:
    if join.kind in (JoinKind.SEMI, JoinKind.ANTI):
        return join.left.columns
    return join.left.columns + join.right.columns
