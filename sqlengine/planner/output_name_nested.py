"""How DuckDB renders nested values, subscripts and lambdas in the names of unnamed columns (see `output_name`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlglot import exp

from sqlengine.keywords import quoted_name

Print = Callable[[Any], str]


def _list(node: Any, show: Print) -> str:
    if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Comprehension):
        return _comprehension(node.expressions[0], show)
    return f"list_value({', '.join(map(show, node.expressions))})"


def named_value(node: Any, show: Print) -> str:
    """`name := value`."""
    return f"{quoted_name(node.this.name)} := {show(node.expression)}"


def _struct(node: Any, show: Print) -> str:
    return f"struct_pack({', '.join(map(show, node.expressions))})"


def _map_literal(node: Any, show: Print) -> str:
    entries = node.this.expressions
    keys, values = (", ".join(show(getattr(entry, side)) for entry in entries) for side in ("this", "expression"))
    return f'"map"(list_value({keys}), list_value({values}))'


def _map_of_lists(node: Any, show: Print) -> str:
    lists = [node.args.get("keys"), node.args.get("values")]
    return f'"map"({", ".join(show(each) for each in lists if each is not None)})'


def _bracket(node: Any, show: Print) -> str:
    return f"{show(node.this)}[{', '.join(map(show, node.expressions))}]"


def _slice(node: Any, show: Print) -> str:
    begin, end, step = (node.args.get(part) for part in ("this", "expression", "step"))
    last = "" if end is None and step is None else ":" + ("-" if end is None else show(end))
    shown = ("" if begin is None else show(begin)) + (last or ":")
    return shown if step is None else f"{shown}:{show(step)}"


def _dot(node: Any, show: Print) -> str:
    if isinstance(node.expression, exp.Anonymous):
        return f"{node.expression.name}({', '.join(map(show, [node.this, *node.expression.expressions]))})"
    value = show(node.this)
    if not isinstance(node.this, exp.Identifier):
        value = f"({value})"
    return f"{value}.{quoted_name(node.expression.name)}"


def _lambda(node: Any, show: Print) -> str:
    return f"(lambda {', '.join(each.name for each in node.expressions)}: {show(node.this)})"


def _comprehension(node: Any, show: Print) -> str:
    names = ", ".join(each.name for each in [node.expression, node.args.get("position")] if each is not None)
    source, body, condition = show(node.args["iterator"]), show(node.this), node.args.get("condition")
    if condition is None:
        return f"list_apply({source}, (lambda {names}: {body}))"
    packed = f'struct_pack("filter" := {show(condition)}, result := {body})'
    kept = (
        f"list_filter(list_apply({source}, (lambda {names}: {packed})), (lambda elem: struct_extract(elem, 'filter')))"
    )
    return f"list_apply({kept}, (lambda elem: struct_extract(elem, 'result')))"


PRINTERS: Final[dict[type, Callable[[Any, Print], str]]] = {
    exp.Array: _list,
    exp.PropertyEQ: named_value,
    exp.Struct: _struct,
    exp.ToMap: _map_literal,
    exp.Map: _map_of_lists,
    exp.Tuple: lambda node, show: f'"row"({", ".join(map(show, node.expressions))})',
    exp.Bracket: _bracket,
    exp.Slice: _slice,
    exp.Dot: _dot,
    exp.Lambda: _lambda,
    exp.Identifier: lambda node, show: quoted_name(node.name),
    exp.JSONExtract: lambda node, show: f"({show(node.this)} -> {show(node.expression)})",
    exp.JSONExtractScalar: lambda node, show: f"({show(node.this)} ->> {show(node.expression)})",
}
