"""What a stage computes, said so that two stages that compute the same say the same.

Columns and leaves are numbered in the order in which they appear instead of by their ids; names, which are for printing
only, are left out. Two values that hash and compare equal then mean stages that deliver equal rows in equal pieces,
column by column: there is a one-to-one mapping of column ids that turns one stage into the other.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Final

from sqlengine.functions.registry import find_scalar
from sqlengine.planner.expressions import Call, Column, Literal
from sqlengine.planner.logical import Node, Scan
from sqlengine.planner.physical import ExchangeRead, Exec, Output, ReadPieces, ScanExec, leaves
from sqlengine.storage.table import ScanTask
from sqlengine.types import SqlType

# Fields that say how to print an operator or number it, not what it does.
_SAID_ONLY: Final = frozenset({"leaf", "reason"})


def work_of(
    root: Exec, tasks: Sequence[Mapping[int, ScanTask | ReadPieces]], output: Output, limit: int | None
) -> Hashable:
    """The work of a stage. That of a stage with random values in it equals nothing, itself included."""
    work = _Work()
    reading = [leaf.leaf for leaf in leaves(root)]
    inputs = tuple(tuple(task.get(leaf) for leaf in reading) for task in tasks)
    return work.of(root), inputs, work.of(output), limit


def work_of_part(node: Node) -> Hashable:
    """The same for a part of a logical plan."""
    return _Work().of(node)


class _Work:
    def __init__(self) -> None:
        self._columns: dict[int, int] = {}

    def of(self, part: object) -> Hashable:
        """The part as nested tuples; the traversal is the same for equal parts, so are the numbers it gives."""
        match part:
            case Column(id=number, type=sql_type):
                return self._columns.setdefault(number, len(self._columns)), sql_type
            case Literal(value=value, type=sql_type):
                # The text tells apart what equality of values does not (0.0 and -0.0), and values may be unhashable.
                return repr(value), sql_type
            case Call(function=name) if (function := find_scalar(name)) is not None and not function.deterministic:
                return object()
            case ScanExec():
                # Not its splits, which are the tasks', nor what the query calls the table.
                return (
                    "scan",
                    part.table,
                    part.source_names,
                    *map(self.of, (part.read_columns, part.columns, part.filters)),
                )
            case Scan():
                return "scan", part.table, part.source_names, self.of(part.columns), self.of(part.filters)
            case ExchangeRead():
                # The columns of a stage are told by their ids there.
                source = tuple(column.id for column in part.stage_columns)
                return "read", part.stage, source, self.of(part.columns), self.of(part.merge)
            case tuple():
                return tuple(map(self.of, part))
            case SqlType():
                return part
            case _ if is_dataclass(part):
                said = (self.of(getattr(part, each.name)) for each in fields(part) if each.name not in _SAID_ONLY)
                return type(part).__name__, *said
            case _:
                assert isinstance(part, Hashable)
                return part
