"""Expressions as SQL text, with no more parentheses than precedence asks for."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Final, assert_never

from sqlengine.planner.expressions import (
    AggregateCall,
    Call,
    Case,
    Cast,
    Column,
    Expression,
    InList,
    LambdaCall,
    Literal,
    SortKey,
)
from sqlengine.planner.window_call import Exclusion, Frame, FrameBound, WindowCall
from sqlengine.types import TypeKind

# How tightly operators bind; looser ones need parentheses inside tighter ones.
_OR, _AND, _NOT, _COMPARISON, _OTHER, _SUM, _PRODUCT, _SIGN, _ATOM = range(9)

_INFIX: Final[dict[str, tuple[str, int]]] = {
    **{op: (op, _COMPARISON) for op in ("=", "<>", "<", "<=", ">", ">=")},
    **{op: (op, _OTHER) for op in ("||", "&", "|", "<<", ">>")},
    **{op: (op, _SUM) for op in ("+", "-")},
    **{op: (op, _PRODUCT) for op in ("*", "/", "//", "%")},
    "like": ("LIKE", _COMPARISON),
    "ilike": ("ILIKE", _COMPARISON),
    "is_distinct_from": ("IS DISTINCT FROM", _COMPARISON),
    "is_not_distinct_from": ("IS NOT DISTINCT FROM", _COMPARISON),
}
_POSTFIX: Final = {"is_null": "IS NULL", "is_not_null": "IS NOT NULL"}
_CHAINS: Final = {"and": ("AND", _AND), "or": ("OR", _OR)}
_SHOWN_VALUES: Final = 5


class ExpressionText:
    """Writes expressions of one plan as SQL.

    Parameters
    ----------
    names
        What to call columns, by id; the others go by their own name.
    """

    def __init__(self, names: Mapping[int, str] | None = None) -> None:
        self._names = names or {}

    def expression(self, expression: Expression) -> str:
        """The expression as a user would write it; IN lists of more than five values are elided."""
        return self._text(expression, _OR)

    def column(self, column: Column) -> str:
        """The column's name."""
        return self._names.get(column.id, column.name)

    def named(self, column: Column, expression: Expression) -> str:
        """`expression AS name`, or the name alone when they are the same."""
        text = self.expression(expression)
        return text if text in (column.name, self.column(column)) else f"{text} AS {self.column(column)}"

    def key(self, key: SortKey) -> str:
        """A sort key; only what differs from `ASC NULLS LAST` is said."""
        text = self.expression(key.expression)
        return f"{text}{' DESC' if key.descending else ''}{' NULLS FIRST' if key.nulls_first else ''}"

    def call(self, call: AggregateCall | WindowCall) -> str:
        """A call: `sum(DISTINCT x) FILTER (WHERE y > 1)`; over a window, with its frame if that is not the default."""
        if isinstance(call, WindowCall):
            return self._window_call(call)
        return self.aggregate(call.function, call.arguments, call.distinct, call.filter, call.order)

    def aggregate(
        self,
        function: str,
        arguments: tuple[Expression, ...],
        distinct: bool,
        condition: Expression | None,
        order: tuple[SortKey, ...] = (),
    ) -> str:
        """`function(arguments)` with its DISTINCT, ORDER BY and FILTER; `*` for no arguments."""
        name = "count" if function == "count_star" else function
        inside = ", ".join(map(self.expression, arguments)) or "*"
        if order:
            inside += f" ORDER BY {', '.join(map(self.key, order))}"
        text = f"{name}({'DISTINCT ' if distinct else ''}{inside})"
        return text if condition is None else f"{text} FILTER (WHERE {self.expression(condition)})"

    def _window_call(self, call: WindowCall) -> str:
        inside = ", ".join(map(self.expression, call.arguments)) or ("*" if call.function == "count_star" else "")
        order = f" ORDER BY {', '.join(map(self.key, call.order))}" if call.order else ""
        nulls = " IGNORE NULLS" if call.ignore_nulls else ""
        name = "count" if call.function == "count_star" else call.function
        text = f"{name}({'DISTINCT ' if call.distinct else ''}{inside}{order}{nulls})"
        if call.filter is not None:
            text += f" FILTER (WHERE {self.expression(call.filter)})"
        return text if call.frame == Frame() else f"{text} {self._frame(call.frame)}"

    def _frame(self, frame: Frame) -> str:
        bounds = f"{frame.unit.value} {self._bound(frame.start, frame)} TO {self._bound(frame.end, frame)}"
        return bounds if frame.exclusion is Exclusion.NOTHING else f"{bounds} EXCLUDE {frame.exclusion.value}"

    def _bound(self, bound: FrameBound, frame: Frame) -> str:
        if bound.is_unbounded:
            return f"UNBOUNDED {bound.direction.value}"
        if bound.offset is None:
            return bound.direction.value
        # The bound of a RANGE is a value of the key, not a distance.
        return self.expression(bound.offset) + (f" {bound.direction.value}" if frame.key is None else "")

    def _text(self, expression: Expression, outer: int) -> str:
        text, strength = self._parts(expression)
        return text if strength >= outer else f"({text})"

    def _parts(self, expression: Expression) -> tuple[str, int]:
        match expression:
            case Literal(value=value, type=type_):
                return _literal(value, type_.kind), _ATOM
            case Column():
                return self.column(expression), _ATOM
            case Cast(operand=operand, type=type_, attempt=attempt):
                return f"{'TRY_' if attempt else ''}CAST({self.expression(operand)} AS {type_})", _ATOM
            case Case(branches=branches, otherwise=otherwise):
                whens = " ".join(f"WHEN {self.expression(c)} THEN {self.expression(v)}" for c, v in branches)
                return f"CASE {whens} ELSE {self.expression(otherwise)} END", _ATOM
            case InList(operand=operand, values=values, negated=negated):
                shown = [self.expression(value) for value in values[:_SHOWN_VALUES]]
                if len(values) > _SHOWN_VALUES:
                    shown = [f"{len(values)} values"]
                words = "NOT IN" if negated else "IN"
                return f"{self._text(operand, _OTHER)} {words} ({', '.join(shown)})", _COMPARISON
            case LambdaCall(function=name, arguments=arguments, parameters=parameters, body=body):
                written = f"lambda {', '.join(each.name for each in parameters)}: {self.expression(body)}"
                inside = [self.expression(arguments[0]), written, *map(self.expression, arguments[1:])]
                return f"{name}({', '.join(inside)})", _ATOM
            case Call():
                return self._call(expression)
            case _:
                assert_never(expression)

    def _call(self, call: Call) -> tuple[str, int]:
        name, arguments = call.function, call.arguments
        if name in _CHAINS:
            word, strength = _CHAINS[name]
            return f" {word} ".join(self._text(argument, strength + 1) for argument in arguments), strength
        if name in _INFIX and len(arguments) == 2:
            sign, strength = _INFIX[name]
            left = strength + 1 if strength == _COMPARISON else strength
            return f"{self._text(arguments[0], left)} {sign} {self._text(arguments[1], strength + 1)}", strength
        if name in _POSTFIX:
            return f"{self._text(arguments[0], _OTHER)} {_POSTFIX[name]}", _COMPARISON
        if name == "not":
            return f"NOT {self._text(arguments[0], _NOT)}", _NOT
        if name == "negate":
            return f"-{self._text(arguments[0], _ATOM)}", _SIGN
        return f"{name}({', '.join(map(self.expression, arguments))})", _ATOM


def _literal(value: object, kind: TypeKind) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).upper()
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime.datetime():
            word = "TIMESTAMPTZ" if kind is TypeKind.TIMESTAMPTZ else "TIMESTAMP"
            return f"{word} '{value}'"
        case datetime.date():
            return f"DATE '{value}'"
        case datetime.time():
            return f"TIME '{value}'"
        case _ if kind is TypeKind.INTERVAL:
            return f"INTERVAL '{_interval(value)}'"
        case _:
            return str(value)


def _interval(value: object) -> str:
    if not isinstance(value, tuple) or len(value) != 3:
        return str(value)
    months, days, nanoseconds = value
    seconds = datetime.timedelta(microseconds=nanoseconds // 1000)
    parts = [f"{months} months" if months else "", f"{days} days" if days else "", str(seconds) if seconds else ""]
    return " ".join(part for part in parts if part) or "0 days"
