"""Function calls: scalar functions and aggregates, found by name in the one registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from sqlengine.errors import BindError, did_you_mean
from sqlengine.functions.registry import find_aggregate, find_scalar, find_window, function_names
from sqlengine.planner import bind_nested, bind_subquery
from sqlengine.planner.bind_aggregate import bind_aggregate, bind_grouping_call, within_group
from sqlengine.planner.bind_lambda import LAMBDA_FUNCTIONS
from sqlengine.planner.bind_list_aggregate import LIST_AGGREGATES
from sqlengine.planner.bind_macro import bind_macro
from sqlengine.planner.bind_nested import NAMED
from sqlengine.planner.bind_star import unpack
from sqlengine.planner.bind_unnest import unnest_value
from sqlengine.planner.bind_written_out import WRITTEN_OUT
from sqlengine.planner.expressions import Expression, Literal
from sqlengine.planner.rewriting import is_deterministic
from sqlengine.types import VARCHAR

if TYPE_CHECKING:
    from sqlengine.planner.bind_expression import ExpressionBinder


def bind_call(binder: ExpressionBinder, node: Any, condition: Any = None) -> Expression:
    """name(arguments); `condition` is what stands in FILTER (WHERE …)."""
    reader = binder.reader
    name = reader.name(reader.get(node, "this")).lower()
    trees = unpack(binder, node)
    if name == "count" and (not trees or (len(trees) == 1 and isinstance(trees[0], exp.Star))):
        name, trees = "count_star", []
    if name in NAMED and condition is None:
        return NAMED[name](binder, node, trees)
    if name in LIST_AGGREGATES and condition is None:
        return LIST_AGGREGATES[name](binder, node, trees)
    if name in WRITTEN_OUT and condition is None:
        return WRITTEN_OUT[name](binder, node, trees)
    if name in LAMBDA_FUNCTIONS and condition is None:
        return LAMBDA_FUNCTIONS[name](binder, node, trees)
    if name == "unnest" and condition is None:
        return unnest_value(binder, node)
    if name == "try":
        return _bind_try(binder, node, trees)
    if name == "array" and len(trees) == 1 and isinstance(trees[0], bind_subquery.QUERIES):
        return bind_subquery.array(binder, trees[0])
    if name in ("grouping", "grouping_id") and condition is None:
        return bind_grouping_call(binder, node, trees)
    macro = binder.context.catalog.macro(name)
    if macro is not None and not macro.is_table and condition is None:
        return bind_macro(binder, node, macro)
    aggregate = find_aggregate(name)
    if aggregate is not None:
        return bind_aggregate(binder, node, aggregate, trees, condition)
    if find_window(name) is not None:
        raise binder.context.error(f"{name}() is a window function: it needs OVER (…)", node)
    if find_scalar(name) is None or name in _OPERATORS or name.startswith("__"):
        raise binder.context.error(f'there is no function "{name}".{did_you_mean(name, _callable_names())}', node)
    if condition is not None:
        raise binder.context.error(f"FILTER needs an aggregate; {name}() is none", node)
    with binder.context.at(node):
        arguments = [binder.bind(tree) for tree in trees]
    return binder.call(name, arguments, node)


def _bind_try(binder: ExpressionBinder, node: Any, trees: list[Any]) -> Expression:
    """TRY(expression), over which an aggregate or a value by chance would have no row to be tried for."""
    inner = binder.within("TRY")
    arguments = [inner.bind(tree) for tree in trees]
    if not all(map(is_deterministic, arguments)):
        raise binder.context.error("TRY takes no function of chance", node)
    return binder.call("try", arguments, node)


def _callable_names() -> list[str]:
    return [name for name in function_names() if name.isidentifier() and name not in _OPERATORS]


def _filtered(binder: ExpressionBinder, node: Any) -> Expression:
    """aggregate(…) FILTER (WHERE condition)."""
    reader = binder.reader
    call = reader.get(node, "this")
    where = reader.get(node, "expression")
    if isinstance(call, exp.WithinGroup):
        return within_group(binder, call, reader.get(where, "this"))
    if not isinstance(call, exp.Anonymous):
        raise reader.unknown(node)
    return bind_call(binder, call, reader.get(where, "this"))


def _extract(binder: ExpressionBinder, node: Any) -> Expression:
    """EXTRACT(part FROM value) is date_part('part', value)."""
    part = binder.reader.get(node, "this")
    if isinstance(part, exp.Literal):
        binder.reader.get(part, "is_string")
    elif not isinstance(part, exp.Var):
        raise binder.reader.unknown(part)
    name = Literal(binder.reader.name(part).lower(), VARCHAR)
    return binder.call("date_part", [name, binder.child(node, "expression")], node)


def _substring(binder: ExpressionBinder, node: Any) -> Expression:
    """SUBSTRING(text FROM start FOR length), and with commas."""
    parts = [binder.reader.get(node, part) for part in ("this", "start", "length")]
    return binder.call("substring", [binder.bind(part) for part in parts if part is not None], node)


def _trim(binder: ExpressionBinder, node: Any) -> Expression:
    """TRIM([LEADING | TRAILING | BOTH] [characters] FROM text)."""
    side = str(binder.reader.get(node, "position") or "BOTH").upper()
    arguments = [binder.child(node)]
    if binder.reader.get(node, "expression") is not None:
        arguments.append(binder.child(node, "expression"))
    return binder.call({"LEADING": "ltrim", "TRAILING": "rtrim", "BOTH": "trim"}[side], arguments, node)


def _position(binder: ExpressionBinder, node: Any) -> Expression:
    """POSITION(part IN text)."""
    return binder.call("strpos", [binder.child(node), binder.child(node, "substr")], node)


def _bare(name: str) -> Callable[[ExpressionBinder, Any], Expression]:
    """A function written without parentheses: CURRENT_DATE."""

    def bind(binder: ExpressionBinder, node: Any) -> Expression:
        if find_scalar(name) is None:
            raise BindError(f"there is no function {name}", binder.reader.source.position(node))
        return binder.call(name, [], node)

    return bind


# Operators that the registry knows under a word; SQL has no functions of these names.
_OPERATORS: Final = frozenset(
    {"and", "or", "not", "negate", "is_null", "is_not_null", "is_distinct_from", "is_not_distinct_from"}
)

# Calls for which SQL has a grammar of its own; all others are `exp.Anonymous` (see `sql_dialect`).
HANDLERS: Final[dict[type, Callable[[ExpressionBinder, Any], Expression]]] = {
    exp.Anonymous: bind_call,
    exp.Filter: _filtered,
    exp.WithinGroup: within_group,
    exp.Extract: _extract,
    exp.Substring: _substring,
    exp.Trim: _trim,
    exp.StrPosition: _position,
    exp.CurrentDate: _bare("current_date"),
    exp.CurrentTime: _bare("current_time"),
    exp.CurrentTimestamp: _bare("current_timestamp"),
    exp.CurrentCatalog: _bare("current_catalog"),
    exp.CurrentUser: _bare("current_user"),
    exp.SessionUser: _bare("session_user"),
    exp.Localtimestamp: _bare("localtimestamp"),
    exp.Localtime: _bare("localtime"),
    **bind_nested.HANDLERS,
}
