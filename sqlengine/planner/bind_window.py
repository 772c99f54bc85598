"""Window functions and aggregates over a window: the OVER clause, named windows, frames."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from sqlengine.functions.registry import WindowFunction, find_aggregate, find_window
from sqlengine.planner.bind_aggregate import bind_aggregate_call
from sqlengine.planner.coerce import coerce, coerce_all, operand_of
from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import Column, Expression, Literal, SortKey
from sqlengine.planner.logical import Node, Window
from sqlengine.planner.window_call import (
    Direction,
    Exclusion,
    Frame,
    FrameBound,
    FrameUnit,
    WindowCall,
    map_call,
)
from sqlengine.types import BIGINT, DATE, TypeKind

if TYPE_CHECKING:
    from sqlengine.planner.bind_expression import ExpressionBinder


# With an order of its own a place in the frame is a matter of an aggregate.
_ORDERED: Final = {"first_value": "first", "first": "first", "last_value": "last", "last": "last"}


@dataclass(frozen=True, slots=True)
class Specification:
    """PARTITION BY and ORDER BY: what calls must have in common to be computed together."""

    partition: tuple[Expression, ...]
    order: tuple[SortKey, ...]

    def mapped(self, change: Callable[[Expression], Expression]) -> Specification:
        """The specification with every expression in it changed."""
        order = tuple(replace(key, expression=change(key.expression)) for key in self.order)
        return Specification(tuple(change(each) for each in self.partition), order)


@dataclass(slots=True)
class Windows:
    """The calls over windows of one SELECT; equal calls share one column.

    Attributes
    ----------
    named
        The syntax trees of the WINDOW clause, by name in lower case.
    used
        Names that calls refer to.
    columns
        What the binder found.
    """

    context: BindContext
    named: dict[str, Any] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    columns: dict[tuple[Specification, WindowCall], Column] = field(default_factory=dict)

    @staticmethod
    def of(context: BindContext, select: Any) -> Windows:
        """Those of a SELECT, none bound yet; BindError if its WINDOW clause gives a name twice."""
        reader = context.reader
        windows = Windows(context)
        for tree in reader.all(select, "windows"):
            name = reader.name(reader.get(tree, "this"))
            if name.lower() in windows.named:
                raise context.error(f'the window "{name}" is defined twice', tree)
            windows.named[name.lower()] = tree
        return windows

    def skip_unused(self) -> None:
        """A window that no call refers to means nothing."""
        for name, tree in self.named.items():
            if name not in self.used:
                self.context.reader.skip(tree)

    def add(self, specification: Specification, call: WindowCall) -> Column:
        """The column that holds the call's result."""
        key = (specification, call)
        column = self.columns.get(key)
        if column is None:
            column = self.columns[key] = self.context.column(call.function, call.type)
        return column

    def over(self, plan: Node, above: Callable[[Expression], Expression]) -> Node:
        """`plan` under one Window for each specification, the expressions in it changed by `above`."""
        together: dict[Specification, list[tuple[WindowCall, Column]]] = {}
        for (specification, call), column in self.columns.items():
            together.setdefault(specification.mapped(above), []).append((map_call(call, above), column))
        for specification, members in together.items():
            plan = Window(
                plan,
                specification.partition,
                specification.order,
                tuple(column for _, column in members),
                tuple(call for call, _ in members),
            )
        return plan


def bind_window(binder: ExpressionBinder, node: Any) -> Expression:
    """function(…) OVER (…)."""
    context, reader = binder.context, binder.reader
    reader.get(node, "over")
    called = reader.get(node, "this")
    nulls: list[Any] = []
    if isinstance(called, exp.IgnoreNulls | exp.RespectNulls):
        nulls.append(called)
        called = reader.get(called, "this")
    condition = None
    if isinstance(called, exp.Filter):
        condition = reader.get(reader.get(called, "expression"), "this")
        called = reader.get(called, "this")
    if not isinstance(called, exp.Anonymous):
        raise reader.unknown(called)
    name = reader.name(reader.get(called, "this")).lower()
    if binder.windows is None:
        raise context.error(f"the window function {name}() cannot stand in {binder.clause}", node)
    inner = binder.inside_window()
    trees = reader.all(called)
    if trees and isinstance(trees[-1], exp.IgnoreNulls | exp.RespectNulls):
        nulls.append(trees[-1])
        trees = [*trees[:-1], reader.get(trees[-1], "this")]
    call = _Call(inner, called, name, trees, condition, any(isinstance(each, exp.IgnoreNulls) for each in nulls))
    if nulls and (call.window is None or not call.window.takes_nulls):
        raise context.error(f"{name} takes neither IGNORE NULLS nor RESPECT NULLS", nulls[0])
    definition = _Definition(inner, binder.windows, node)
    with context.at(node):
        specification, frame = definition.bind()
        bound = call.bind(frame)
    return binder.windows.add(specification, bound)


@dataclass(slots=True)
class _Call:
    """What stands before OVER."""

    binder: ExpressionBinder
    node: Any
    name: str
    trees: list[Any]
    condition: Any
    ignore_nulls: bool

    @property
    def window(self) -> WindowFunction | None:
        """The window function of that name, if it is one."""
        return find_window(self.name)

    def bind(self, frame: Frame) -> WindowCall:
        name, trees = self.name, self.trees
        if name == "count" and (not trees or (len(trees) == 1 and isinstance(trees[0], exp.Star))):
            name, trees = "count_star", []
        ordered = bool(trees) and isinstance(trees[-1], exp.Order) and not self.ignore_nulls
        if ordered and name in _ORDERED:
            name = _ORDERED[name]
        elif self.window is not None:
            return self._window_call(self.window, frame)
        aggregate = find_aggregate(name)
        if aggregate is None:
            raise self.binder.context.error(f"{self.name} is neither an aggregate nor a window function", self.node)
        call = bind_aggregate_call(self.binder, self.binder, self.node, aggregate, trees, self.condition)
        return WindowCall(call.function, call.arguments, call.type, frame, call.distinct, call.filter, order=call.order)

    def _window_call(self, function: WindowFunction, frame: Frame) -> WindowCall:
        context = self.binder.context
        distinct = bool(self.trees) and isinstance(self.trees[0], exp.Distinct)
        if distinct or self.condition is not None:
            what = "DISTINCT" if distinct else "FILTER"
            raise context.error(f"{what} needs an aggregate; {self.name}() is none", self.node)
        arguments = [self.binder.bind(tree) for tree in self.trees]
        signature = function.resolve([operand_of(argument) for argument in arguments])
        cast = tuple(coerce(argument, target) for argument, target in zip(arguments, signature.arguments, strict=True))
        seen = frame if function.uses_frame else Frame()
        return WindowCall(
            function.alias_of or function.name, cast, signature.result, seen, ignore_nulls=self.ignore_nulls
        )


@dataclass(slots=True)
class _Definition:
    """What stands in OVER (…), with the named windows that it refers to."""

    binder: ExpressionBinder
    windows: Windows
    node: Any
    partition: list[Any] = field(default_factory=list)
    order: Any = None
    frame: Any = None

    def bind(self) -> tuple[Specification, Frame]:
        self._collect(self.node, ())
        partition = tuple(dict.fromkeys(self.binder.bind(tree) for tree in self.partition))
        order = tuple(self._key(tree) for tree in self.binder.reader.all(self.order)) if self.order else ()
        return Specification(partition, order), self._frame(order)

    def _collect(self, node: Any, referring: tuple[str, ...]) -> None:
        """Take over the parts of a window; a window that extends another one adds what that does not say."""
        context, reader = self.binder.context, self.binder.reader
        base = reader.get(node, "alias")
        partition, order, frame = (
            reader.all(node, "partition_by"),
            reader.get(node, "order"),
            reader.get(node, "spec"),
        )
        if base is not None:
            name = reader.name(base)
            tree = self.windows.named.get(name.lower())
            if tree is None or name.lower() in referring:
                raise context.error(f'there is no window "{name}" in the WINDOW clause', base)
            self.windows.used.add(name.lower())
            self._collect(tree, (*referring, name.lower()))
            for clause, new, old in (("PARTITION BY", partition, self.partition), ("ORDER BY", order, self.order)):
                if new and (old or clause == "PARTITION BY"):
                    raise context.error(f'the {clause} of window "{name}" cannot be overridden', base)
            if self.frame is not None and (frame is not None or order is not None):
                raise context.error(f'window "{name}" has a frame, so it cannot be extended', base)
        self.partition = partition or self.partition
        self.order = order or self.order
        self.frame = frame or self.frame

    def _key(self, ordered: Any) -> SortKey:
        reader = self.binder.reader
        tree = reader.get(ordered, "this")
        if isinstance(tree, exp.Var) and reader.name(tree).upper() == "ALL":
            raise self.binder.context.error("a window cannot be ordered by ALL", ordered)
        descending, nulls_first = bool(reader.get(ordered, "desc")), bool(reader.get(ordered, "nulls_first"))
        return SortKey(self.binder.bind(tree), descending, nulls_first)

    # -- frames -------------------------------------------------------------------------------

    def _frame(self, order: tuple[SortKey, ...]) -> Frame:
        if self.frame is None:
            return Frame()
        reader = self.binder.reader
        unit = FrameUnit(str(reader.get(self.frame, "kind")).upper())
        start = self._bound("start")
        end = self._bound("end") if reader.get(self.frame, "end") is not None else FrameBound(Direction.CURRENT)
        self._check_bounds(start, end)
        excluded = reader.get(self.frame, "exclude")
        exclusion = Exclusion.NOTHING if excluded is None else Exclusion(reader.name(excluded).upper())
        frame = Frame(unit, start, end, exclusion)
        if start.offset is None and end.offset is None:
            return frame
        return self._with_keys(frame, order) if unit is FrameUnit.RANGE else self._with_counts(frame)

    def _bound(self, side: str) -> FrameBound:
        reader = self.binder.reader
        value = reader.get(self.frame, side)
        if value == "CURRENT ROW":
            return FrameBound(Direction.CURRENT)
        direction = Direction(str(reader.get(self.frame, f"{side}_side")).upper())
        return FrameBound(direction, None if value == "UNBOUNDED" else self.binder.bind(value))

    def _check_bounds(self, start: FrameBound, end: FrameBound) -> None:
        order = list(Direction)
        if start.is_unbounded and start.direction is Direction.FOLLOWING:
            message = "a frame cannot start at UNBOUNDED FOLLOWING"
        elif end.is_unbounded and end.direction is Direction.PRECEDING:
            message = "a frame cannot end at UNBOUNDED PRECEDING"
        elif order.index(start.direction) > order.index(end.direction):
            message = f"a frame that starts at {start.direction.value} cannot end at {end.direction.value}"
        else:
            return
        raise self.binder.context.error(message, self.frame)

    def _with_counts(self, frame: Frame) -> Frame:
        """ROWS and GROUPS: the offsets are whole numbers."""

        def counted(bound: FrameBound) -> FrameBound:
            return bound if bound.offset is None else replace(bound, offset=coerce(bound.offset, BIGINT))

        return replace(frame, start=counted(frame.start), end=counted(frame.end))

    def _with_keys(self, frame: Frame, order: tuple[SortKey, ...]) -> Frame:
        """RANGE: the offsets become the keys at which the frame ends, `key - offset` and `key + offset`."""
        if len(order) != 1:
            raise self.binder.context.error("RANGE with an offset needs exactly one ORDER BY expression", self.frame)
        (key,) = order
        for bound in (frame.start, frame.end):
            if isinstance(bound.offset, Literal) and bound.offset.value is None:
                raise self.binder.context.error("the offset of a RANGE cannot be NULL", self.frame)
        if key.expression.type.kind is TypeKind.TIME:
            # Sums of times wrap around at midnight; those of timestamps of one day do not.
            day = Literal(datetime.date(1970, 1, 1), DATE)
            key = replace(key, expression=self.binder.call("+", [day, key.expression], self.frame))
        given = [bound for bound in (frame.start, frame.end) if bound.offset is not None]
        edges = [self._edge(key, bound) for bound in given]
        (common, *edges), _ = coerce_all([key.expression, *edges])
        by_bound = dict(zip(map(id, given), edges, strict=True))
        start = replace(frame.start, offset=by_bound.get(id(frame.start)))
        end = replace(frame.end, offset=by_bound.get(id(frame.end)))
        return replace(frame, start=start, end=end, key=common)

    def _edge(self, key: SortKey, bound: FrameBound) -> Expression:
        assert bound.offset is not None
        smaller = (bound.direction is Direction.PRECEDING) is not key.descending
        return self.binder.call("-" if smaller else "+", [key.expression, bound.offset], self.frame)
