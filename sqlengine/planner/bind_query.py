"""Queries of any shape: SELECT, set operations, VALUES, parentheses, WITH."""

from __future__ import annotations

from typing import Any, Final

from sqlglot import exp

from sqlengine.planner.bind_expression import ExpressionBinder
from sqlengine.planner.bind_order import bind_order, order_outputs, output_scope
from sqlengine.planner.bind_recursion import is_recursive
from sqlengine.planner.bind_select import bind_select
from sqlengine.planner.bind_summary import bind_describe, bind_summarize
from sqlengine.planner.bound import BoundQuery
from sqlengine.planner.coerce import coerce, coerce_all, common_column_type
from sqlengine.planner.constant import fold
from sqlengine.planner.context import BindContext, CommonTable, CommonTables
from sqlengine.planner.expressions import AggregateCall, Call, Expression, Literal
from sqlengine.planner.logical import ONE_ROW, Aggregate, Node, Union, Unnest, Values
from sqlengine.planner.logical_joins import Join, JoinKind
from sqlengine.planner.plan_build import distinct, project
from sqlengine.planner.scope import Scope
from sqlengine.planner.subqueries import Subqueries
from sqlengine.storage.schema import unique_names
from sqlengine.types import BIGINT, BOOLEAN, NULL, SqlType

_Headers = tuple[tuple[str, ...], ...]

_FILTERING: Final[dict[type, JoinKind]] = {exp.Intersect: JoinKind.SEMI, exp.Except: JoinKind.ANTI}


def bind_query(context: BindContext, node: Any, tables: CommonTables) -> BoundQuery:
    """A query as a plan; `tables` are the CTEs it sees.

    Raises
    ------
    BindError
        A name or type does not resolve.
    NotSupportedError
        A kind of query that is not supported.
    """
    with context.inside(context.outer, bind_with(context, node, tables)):
        return _bind(context, node, context.tables)


def _bind(context: BindContext, node: Any, tables: CommonTables) -> BoundQuery:
    match node:
        case exp.Select():
            return bind_select(context, node, tables)
        case exp.Union() | exp.Intersect() | exp.Except():
            bound, other_names = _set_operation(context, node, tables)
        case exp.Subquery():
            inner = bind_query(context, context.reader.get(node, "this"), tables)
            bound, other_names = inner, ()
        case exp.Values():
            bound, other_names = _values(context, node), ()
        case exp.Describe():
            return bind_describe(context, node, tables)
        case exp.Summarize():
            return bind_summarize(context, node, tables)
        case _:
            raise context.reader.unknown(node)
    return _ordered(context, node, bound, other_names)


def _ordered(context: BindContext, node: Any, bound: BoundQuery, other_names: _Headers) -> BoundQuery:
    """ORDER BY and LIMIT around a whole query: they see its columns only."""
    scope = output_scope(unique_names(bound.names), bound.plan.columns)
    binder = ExpressionBinder(context, scope, "ORDER BY of a whole query")
    items = bind_order(context, node, bound.names, binder, other_names)
    plan = order_outputs(context, bound.plan, items, node)
    return BoundQuery(plan, bound.names, ordered=bool(items) or bound.ordered)


def bind_with(context: BindContext, node: Any, tables: CommonTables) -> CommonTables:
    """The CTEs that `node` adds; each sees those before it, and shadows tables of its name."""
    reader = context.reader
    with_ = reader.get(node, "with_")
    if with_ is None:
        return tables
    all_recursive = bool(reader.get(with_, "recursive"))
    visible = dict(tables)
    here: set[str] = set()
    for tree in reader.all(with_):
        alias = reader.get(tree, "alias")
        name = reader.name(reader.get(alias, "this"))
        if name.lower() in here:
            raise context.error(f'the name "{name}" is given to two queries in WITH', alias)
        here.add(name.lower())
        # Advice but for random values: without NOT MATERIALIZED they must be the same wherever the query is named.
        repeated = reader.get(tree, "materialized") is False
        columns = tuple(reader.name(each) for each in reader.all(alias, "columns"))
        recursive = all_recursive and is_recursive(reader.get(tree, "this"), name)
        visible = {
            **visible,
            name.lower(): CommonTable(name, tree, columns, visible, context.outer, recursive, None, repeated),
        }
    return visible


# -- set operations -----------------------------------------------------------------------------


def _set_operation(context: BindContext, node: Any, tables: CommonTables) -> tuple[BoundQuery, _Headers]:
    reader = context.reader
    keeps_duplicates = not reader.get(node, "distinct")
    by_name = bool(reader.get(node, "by_name"))
    if by_name and not isinstance(node, exp.Union):
        raise context.error(f"{type(node).__name__.upper()} has no BY NAME; UNION has", node)
    flat = isinstance(node, exp.Union) and keeps_duplicates and not by_name
    trees = _union_all_inputs(context, node) if flat else None
    if trees is None:
        trees = [reader.get(node, "this"), reader.get(node, "expression")]
    for tree in trees:
        if isinstance(tree, exp.Select) and any(tree.args.get(part) for part in ("order", "limit", "offset")):
            name = type(node).__name__.upper()
            raise context.error(f"a query with ORDER BY or LIMIT needs parentheses beside {name}", tree)
    bounds = [bind_query(context, tree, tables) for tree in trees]
    if by_name:
        bounds = _same_names(context, bounds, node)
    plans = _aligned(context, bounds, node)
    names = bounds[0].names
    if isinstance(node, exp.Union):
        columns = tuple(context.column(column.name, column.type) for column in plans[0].columns)
        plan: Node = Union(tuple(plans), columns)
        plan = plan if keeps_duplicates else distinct(plan)
    elif keeps_duplicates:
        plan = _multiset(context, plans[0], plans[1], node)
    else:
        left, right = distinct(plans[0]), plans[1]
        conditions = tuple(
            Call("is_not_distinct_from", (a, b), BOOLEAN) for a, b in zip(left.columns, right.columns, strict=True)
        )
        plan = Join(_FILTERING[type(node)], left, right, conditions)
    return BoundQuery(plan, names), tuple(bound.names for bound in bounds[1:])


def _multiset(context: BindContext, left: Node, right: Node, node: Any) -> Node:
    """EXCEPT ALL and INTERSECT ALL: rows are counted on both sides, and each stays as often as the counts say.

    A row that is there l and r times stays max(l - r, 0) or min(l, r) times; NULLs are equal.
    """
    binder = ExpressionBinder(context, Scope(), "a set operation")
    tagged = []
    for side, is_left in ((left, True), (right, False)):
        values: list[Expression] = [*side.columns, Literal(is_left, BOOLEAN)]
        tagged.append(project(context, side, values, [*(column.name for column in side.columns), "is_left"]))
    columns = tuple(context.column(column.name, column.type) for column in tagged[0].columns)
    keys, is_left_ = columns[:-1], columns[-1]
    counts = tuple(context.column(name, BIGINT) for name in ("left", "right"))
    calls = (
        AggregateCall("count_star", (), BIGINT, filter=is_left_),
        AggregateCall("count_star", (), BIGINT, filter=binder.call("not", [is_left_], node)),
    )
    counted = Aggregate(Union(tuple(tagged), columns), keys, keys, counts, calls)
    if isinstance(node, exp.Except):
        times = binder.call("-", list(counts), node)
    else:
        times = binder.call("least", list(counts), node)
    # A series up to a negative number is empty.
    copies = context.column("copy", BIGINT)
    repeated = Unnest(counted, (binder.call("range", [times], node),), (copies,))
    return project(context, repeated, keys, [column.name for column in keys])


def _union_all_inputs(context: BindContext, node: Any) -> list[Any]:
    """The queries of `a UNION ALL b UNION ALL c …`, left to right, which the tree nests to the left."""
    reader = context.reader
    reversed_: list[Any] = []
    while True:
        reversed_.append(reader.get(node, "expression"))
        left = reader.get(node, "this")
        plain = isinstance(left, exp.Union) and not left.args.get("distinct") and not left.args.get("by_name")
        if not plain or any(left.args.get(part) for part in ("with_", "order", "limit", "offset")):
            return [left, *reversed(reversed_)]
        reader.get(left, "distinct")
        node = left


def _same_names(context: BindContext, bounds: list[BoundQuery], node: Any) -> list[BoundQuery]:
    """UNION BY NAME: every input with all names, in order of first appearance; NULL where an input lacks one."""
    names: dict[str, str] = {}
    for bound in bounds:
        own = [name.lower() for name in bound.names]
        if len(set(own)) < len(own):
            raise context.error("UNION BY NAME: a column name occurs twice in one of the queries", node)
        for name in bound.names:
            names.setdefault(name.lower(), name)
    widened = []
    for bound in bounds:
        columns = dict(zip((name.lower() for name in bound.names), bound.plan.columns, strict=True))
        expressions = [columns.get(key, Literal(None, NULL)) for key in names]
        widened.append(
            BoundQuery(project(context, bound.plan, expressions, list(names.values())), tuple(names.values()))
        )
    return widened


def _aligned(context: BindContext, bounds: list[BoundQuery], node: Any) -> list[Node]:
    """The inputs of a set operation, cast to common types."""
    width = len(bounds[0].names)
    for bound in bounds[1:]:
        if len(bound.names) != width:
            raise context.error(
                f"{type(node).__name__.upper()} needs the same number of columns on both sides; "
                f"there are {width} and {len(bound.names)}",
                node,
            )
    with context.at(node):
        targets = [
            common_column_type([bound.plan.columns[position].type for bound in bounds]) for position in range(width)
        ]
    return [_as_types(context, bound, targets) for bound in bounds]


def _as_types(context: BindContext, bound: BoundQuery, targets: list[SqlType]) -> Node:
    expressions = [coerce(column, target) for column, target in zip(bound.plan.columns, targets, strict=True)]
    return project(context, bound.plan, expressions, bound.names)


# -- VALUES -------------------------------------------------------------------------------------


def _values(context: BindContext, node: Any) -> BoundQuery:
    reader = context.reader
    rows: list[list[Expression]] = []
    subqueries: list[Subqueries] = []
    for row in reader.all(node):
        subqueries.append(Subqueries(context))
        binder = ExpressionBinder(context, Scope(), "VALUES", subqueries=subqueries[-1])
        trees = reader.all(row) if isinstance(row, exp.Tuple) else [row]
        rows.append([binder.bind(tree) for tree in trees])
        if len(rows[-1]) != len(rows[0]):
            raise context.error(f"the rows of VALUES have {len(rows[0])} and {len(rows[-1])} columns", row)
    with context.at(node):
        filled = [coerce_all(column) for column in zip(*rows, strict=True)]
        types = [type_ for _, type_ in filled]
        cast = tuple(tuple(fold(value) for value in row) for row in zip(*(values for values, _ in filled), strict=True))
    names = tuple(f"col{position}" for position in range(len(types)))
    columns = tuple(context.column(name, type_) for name, type_ in zip(names, types, strict=True))
    if not any(each.columns for each in subqueries):
        return BoundQuery(Values(columns, cast), names)
    inputs = [project(context, each.attach(ONE_ROW), row, names) for each, row in zip(subqueries, cast, strict=True)]
    return BoundQuery(Union(tuple(inputs), columns), names)
