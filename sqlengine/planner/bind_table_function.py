"""Functions in FROM that make rows of values: range, generate_series, unnest, repeat, json_each, json_tree.

Their arguments may speak of the FROM items to their left; then each row there gets the rows of its own arguments.
"""

from __future__ import annotations

from typing import Any, Final

from sqlglot import exp

from sqlengine.functions.series import series_lengths
from sqlengine.planner.bind_expression import ExpressionBinder
from sqlengine.planner.bind_relation import offered
from sqlengine.planner.coerce import coerce
from sqlengine.planner.constant import fold
from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import Call, Column, Expression, Literal, columns_of
from sqlengine.planner.logical import ONE_ROW, Node, Project, Scan, Unnest
from sqlengine.planner.logical_joins import JoinKind
from sqlengine.planner.output_name import output_name
from sqlengine.planner.scope import Relation, Scope
from sqlengine.types import BIGINT, VARCHAR, TypeKind
from sqlengine.vector import Vector

_SERIES: Final = {"range": False, "generate_series": True}
# Their items are structs, whose fields are the columns.
_RECORDS: Final = frozenset({"json_each", "json_tree"})
_NAMES: Final = frozenset({*_SERIES, *_RECORDS, "unnest", "repeat"})


def row_function(node: Any) -> Any:
    """The node of a FROM item that calls such a function, without LATERAL around it; else None."""
    if isinstance(node, exp.Lateral):
        inner = node.this
        return node if isinstance(inner, exp.Unnest) or _called(inner) in _NAMES else None
    if isinstance(node, exp.Unnest) or (isinstance(node, exp.Table) and _called(node.this) in _NAMES):
        return node
    return None


def _called(node: Any) -> str:
    return str(node.name).lower() if isinstance(node, exp.Anonymous) else ""


def bind_row_function(
    context: BindContext, node: Any, left: tuple[Node, Scope] | None, kind: JoinKind
) -> tuple[Node, Scope, bool]:
    """The rows of a call in FROM.

    Parameters
    ----------
    node
        See `row_function`.
    left
        The FROM items that arguments may speak of.
    kind
        INNER, or LEFT to keep rows of `left` for which the function gives nothing.

    Returns
    -------
    tuple
        The plan, the scope of the function alone, and whether the plan holds `left` already.
    """
    reader = context.reader
    name, trees, number = _call(context, node)
    binder = ExpressionBinder(context, Scope() if left is None else left[1], "FROM")
    with context.at(node):
        arguments = [binder.bind(tree) for tree in trees]
        title = output_name(trees[0], Scope()) if name == "repeat" and trees else name
        if name == "repeat":
            return *_repeat(context, arguments, title, node), False
        lists = _lists(binder, name, arguments, node)
    item = context.column(name, lists.type.children[0][1])
    ordinality = None if number is None else context.column(number, BIGINT)
    if name in _RECORDS:
        return _records(context, node, name, lists, left, kind)
    relation = _relation(context, node, name, item, ordinality)
    # Under LATERAL the alias stands on the outer node.
    reader.get(node, "outer"), reader.get(node, "view")
    if left is not None and columns_of(lists):
        plan: Node = Unnest(left[0], (lists,), (item,), ordinality, keep_empty=kind is JoinKind.LEFT)
        return plan, Scope([relation]), True
    return _constant(context, lists, item, ordinality), Scope([relation]), False


def _records(
    context: BindContext, node: Any, name: str, lists: Expression, left: tuple[Node, Scope] | None, kind: JoinKind
) -> tuple[Node, Scope, bool]:
    """The fields of the items of `lists` as columns; see `bind_row_function`."""
    reader = context.reader
    if reader.get(node, "ordinality"):
        raise context.refuse(f"{name}() WITH ORDINALITY is not supported", node)
    reader.get(node, "outer"), reader.get(node, "view")
    item = context.column(name, lists.type.element)
    columns = tuple(context.column(field, type_) for field, type_ in item.type.children)
    fields = tuple(
        Call("struct_extract", (item, Literal(field, VARCHAR)), type_) for field, type_ in item.type.children
    )
    whole = left is not None and bool(columns_of(lists))
    below, keep_empty = (left[0], kind is JoinKind.LEFT) if left is not None and whole else (ONE_ROW, False)
    kept = below.columns if whole else ()
    plan = Project(Unnest(below, (lists,), (item,), None, keep_empty=keep_empty), (*kept, *columns), (*kept, *fields))
    return (
        plan,
        Scope([offered(context, node, (name,), tuple(field for field, _ in item.type.children), columns)]),
        whole,
    )


def _repeat(context: BindContext, arguments: list[Expression], title: str, node: Any) -> tuple[Node, Scope]:
    """repeat(value, count): the value in so many rows."""
    if len(arguments) != 2:
        raise context.error("repeat() in FROM takes a value and a count", node)
    count = fold(coerce(arguments[1], BIGINT))
    if columns_of(arguments[0]) or not isinstance(count, Literal):
        raise context.refuse("repeat() in FROM of anything but constants is not supported", node)
    table = context.catalog.series("repeat", 0, 1, max(0, _whole(count.value)))
    column, number = context.column(title, arguments[0].type), context.column("repeat", BIGINT)
    plan = Project(Scan("repeat", table, (number,), ("repeat",)), (column,), (arguments[0],))
    return plan, Scope([_relation(context, node, "repeat", column, None)])


def _call(context: BindContext, node: Any) -> tuple[str, list[Any], str | None]:
    """(function, arguments, name of the ordinality column or None)."""
    reader = context.reader
    call = reader.get(node, "this") if isinstance(node, exp.Lateral | exp.Table) else node
    ordinality = reader.get(node, "ordinality")
    if isinstance(call, exp.Unnest):
        offset = reader.get(call, "offset")
        number = reader.name(offset) if isinstance(offset, exp.Identifier) else "ordinality"
        return "unnest", reader.all(call), number if offset or ordinality else None
    name = reader.name(reader.get(call, "this")).lower()
    return name, reader.all(call), "ordinality" if ordinality else None


def _lists(binder: ExpressionBinder, name: str, arguments: list[Expression], node: Any) -> Expression:
    """The expression whose items are the function's rows."""
    context = binder.context
    if name in _SERIES:
        return binder.call(name, arguments, node)
    if name in _RECORDS:
        return binder.call(f"__{name}", arguments, node)
    if len(arguments) != 1 or arguments[0].type.kind is not TypeKind.LIST:
        raise context.error("unnest() in FROM takes one list", node)
    return arguments[0]


def _constant(context: BindContext, lists: Expression, item: Column, ordinality: Column | None) -> Node:
    """A series of constants is never held in memory as a whole; anything else is a list like any other."""
    plan: Node | None = None
    if isinstance(lists, Call) and lists.function in _SERIES and ordinality is None:
        plan = _series(context, lists, item)
    return Unnest(ONE_ROW, (lists,), (item,), ordinality) if plan is None else plan


def _series(context: BindContext, call: Call, item: Column) -> Node | None:
    arguments = [fold(argument) for argument in call.arguments]
    if item.type != BIGINT or not all(isinstance(argument, Literal) for argument in arguments):
        return None
    values = [argument.value for argument in arguments if isinstance(argument, Literal)]
    if len(values) == 1:
        values = [0, *values]
    start, stop, step = (*values, 1)[:3]
    rows = 0
    if start is not None and stop is not None and step is not None:
        words = [Vector.from_literal(each, BIGINT).values() for each in (start, stop, step)]
        rows = int(series_lengths(words[0], words[1], words[2], _SERIES[call.function])[0])
    table = context.catalog.series(call.function, _whole(start), _whole(step), rows)
    return Scan(call.function, table, (item,), (call.function,))


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _relation(context: BindContext, node: Any, name: str, item: Column, ordinality: Column | None) -> Relation:
    """The function's columns under the alias; a lone alias names the column of items too, as in DuckDB."""
    reader = context.reader
    alias = reader.get(node, "alias")
    inner = node.this.args.get("alias") if isinstance(node, exp.Lateral) else None
    if alias is None and inner is not None:
        alias = reader.get(reader.get(node, "this"), "alias")
    names = [item.name] if ordinality is None else [item.name, ordinality.name]
    columns = (item,) if ordinality is None else (item, ordinality)
    path = name
    if alias is not None:
        path = reader.name(reader.get(alias, "this")) if alias.args.get("this") is not None else name
        given = [reader.name(each) for each in reader.all(alias, "columns")]
        if len(given) > len(columns):
            raise context.error(f'"{path}" has {len(columns)} columns, but {len(given)} names are given', node)
        if not given and name != "repeat":
            given = [path]
        names = [*given, *names[len(given) :]]
    return Relation((path,), tuple(names), columns, ((item.name, item),))
