"""Subqueries in expressions: each becomes columns that a join puts beside the rows of the clause it stands in.

An expression holds no plan. Its binder registers a subquery with the `Subqueries` of the clause and goes on with the
columns that will hold its outcome; the clause attaches them all to its plan (`unnest.dependent_join`) first.
What a comparison needs to know of a subquery is always a few aggregates of it, so one mechanism serves all:

====================  ==================================================================
`(SELECT y …)`        the first row's value and the number of rows
`EXISTS (…)`          the number of rows
`x IN (…)`            the number of rows equal to x, of all rows, and of those not NULL
`x < ANY (…)`         the smallest and the largest y, the number of rows, of those not NULL
====================  ==================================================================

Where EXISTS or IN is a whole condition (`filter_by`), it is a semi join or an anti join instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from sqlengine.errors import BindError, InternalError
from sqlengine.functions.coercion import comparison_type
from sqlengine.functions.registry import Operand, find_aggregate
from sqlengine.planner.bound import BoundQuery
from sqlengine.planner.coerce import coerce, operand_of
from sqlengine.planner.correlation import copied
from sqlengine.planner.expressions import (
    AggregateCall,
    Call,
    Case,
    Column,
    Expression,
    Literal,
    columns_of,
)
from sqlengine.planner.logical import Aggregate, Node, Project
from sqlengine.planner.logical_joins import JoinKind
from sqlengine.planner.plan_build import project
from sqlengine.planner.rewriting import filtered
from sqlengine.planner.subqueries import Subqueries
from sqlengine.planner.unnest import dependent_join, has_at_most_one_row, has_one_row
from sqlengine.types import BIGINT, BOOLEAN

if TYPE_CHECKING:
    from sqlengine.planner.bind_expression import ExpressionBinder

QUERIES: Final = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)

_TRUE: Final = Literal(True, BOOLEAN)
_FALSE: Final = Literal(False, BOOLEAN)
_UNKNOWN: Final = Literal(None, BOOLEAN)
_NONE: Final = Literal(0, BIGINT)


# -- subqueries as values -----------------------------------------------------------------------


def scalar(binder: ExpressionBinder, node: Any) -> Expression:
    """(SELECT …): the value of its one row, NULL for none, an error for more."""
    subqueries = _registry(binder, node)
    return subqueries.value_of(node, lambda: _scalar(binder, subqueries, node))


def _scalar(binder: ExpressionBinder, subqueries: Subqueries, node: Any) -> Expression:
    bound = bind_inner(binder, node)
    plan = bound.plan
    if len(plan.columns) != 1:
        raise binder.context.error(f"Subquery returns {len(plan.columns)} columns - expected 1", node)
    value = plan.columns[0]
    if has_one_row(plan):
        subqueries.add(JoinKind.INNER, plan)
        return value
    aggregates = _aggregated(binder, plan, [("first", value), ("count_star", None)])
    first, rows = aggregates.columns
    if has_at_most_one_row(plan):
        subqueries.add(JoinKind.INNER, aggregates)
        return first
    # Computed beside the row, not where the value is used: an error also in a branch of CASE that no row reaches.
    single = binder.context.column(value.name, value.type)
    call = Call("single_value", (first, rows), value.type)
    subqueries.add(JoinKind.INNER, Project(aggregates, (single,), (call,)))
    return single


def exists(binder: ExpressionBinder, node: Any) -> Expression:
    """EXISTS (SELECT …): never NULL."""
    subqueries = _registry(binder, node)

    def bind() -> Expression:
        plan = bind_inner(binder, binder.reader.get(node, "this")).plan
        (rows,) = _aggregates(binder, subqueries, plan, [("count_star", None)])
        return binder.call(">", [rows, _NONE], node)

    return subqueries.value_of(node, bind)


def array(binder: ExpressionBinder, node: Any) -> Expression:
    """ARRAY(SELECT …): the values of its rows in its order; an empty list for none."""
    subqueries = _registry(binder, node)

    def bind() -> Expression:
        plan = bind_inner(binder, node).plan
        if len(plan.columns) != 1:
            raise binder.context.error(f"Subquery returns {len(plan.columns)} columns - expected 1", node)
        (values,) = _aggregates(binder, subqueries, plan, [("list", plan.columns[0])])
        empty = coerce(binder.call("list_value", [], node), values.type)
        return binder.call("coalesce", [values, empty], node)

    return subqueries.value_of(node, bind)


def in_query(binder: ExpressionBinder, node: Any, operand: Any, query: Any) -> Expression:
    """`operand IN (SELECT …)`: TRUE for an equal row; else NULL if a NULL could have been one; else FALSE."""
    subqueries = _registry(binder, node)

    def bind() -> Expression:
        match = _bind_match(binder, node, operand, query)
        (equal,) = _aggregates(binder, subqueries, filtered(match.plan, match.conditions), [("count_star", None)])
        hit = binder.call(">", [equal, _NONE], node)
        return Case(((hit, _TRUE), *_unless_known(binder, subqueries, match, node)), _FALSE, BOOLEAN)

    return subqueries.value_of(node, bind)


def quantified(binder: ExpressionBinder, node: Any, operator: str) -> Expression:
    """`x operator ANY (SELECT …)`; ALL is NOT … ANY of the opposite operator."""
    operand, quantifier = binder.reader.get(node, "this"), binder.reader.get(node, "expression")
    query = _query_of(binder, quantifier)
    negated = is_quantifier(quantifier) == "all"
    if negated:
        operator = _OPPOSITE[operator]
    if operator == "=":
        result = in_query(binder, node, operand, query)
    else:
        subqueries = _registry(binder, node)
        result = subqueries.value_of(node, lambda: _any(binder, subqueries, node, operator, operand, query))
    return binder.call("not", [result], node) if negated else result


def is_quantifier(node: Any) -> str | None:
    """Which of "any" and "all" it is if the right side of a comparison is ANY, SOME or ALL of something."""
    if isinstance(node, exp.Any | exp.All):
        return "all" if isinstance(node, exp.All) else "any"
    if isinstance(node, exp.Anonymous) and len(node.expressions) == 1:
        # sqlglot takes `ALL (VALUES …)` and `ALL (list)` for calls.
        return {"any": "any", "some": "any", "all": "all"}.get(str(node.name).lower())
    return None


def _query_of(binder: ExpressionBinder, quantifier: Any) -> Any:
    """The query that a quantifier is about; a list stands for the query of its elements."""
    reader = binder.reader
    if isinstance(quantifier, exp.Anonymous):
        reader.get(quantifier, "this")
        query = reader.unwrap(reader.all(quantifier)[0])
    else:
        query = reader.unwrap(reader.get(quantifier, "this"))
    if isinstance(query, QUERIES):
        return query
    return exp.Select(expressions=[exp.Anonymous(this="unnest", expressions=[query])])


def _any(
    binder: ExpressionBinder, subqueries: Subqueries, node: Any, operator: str, operand: Any, query: Any
) -> Expression:
    match = _bind_match(binder, node, operand, query)
    if len(match.pairs) > 1:
        raise binder.context.refuse(f"{operator} ANY and ALL over rows of several columns are not supported", node)
    ((x, y),) = match.pairs
    wanted = [("min", y), ("max", y), ("count_star", None), ("count", y)]
    lowest, highest, rows, values = _aggregates(binder, subqueries, match.plan, wanted)
    if operator == "<>":
        holds = binder.call("or", [binder.call("<>", [x, each], node) for each in (lowest, highest)], node)
    else:
        holds = binder.call(operator, [x, highest if operator in ("<", "<=") else lowest], node)
    return Case(((holds, _TRUE), *_unless_counted(binder, x, rows, values, node)), _FALSE, BOOLEAN)


def _unless_known(
    binder: ExpressionBinder, subqueries: Subqueries, match: _Match, node: Any
) -> tuple[tuple[Expression, Expression], ...]:
    """Branches of a CASE after no row was found: FALSE over no rows, NULL beside a NULL."""
    if len(match.pairs) > 1:
        return tuple((each, _UNKNOWN) for each in _unknown_rows(binder, subqueries, match, node))
    ((x, _),) = match.pairs
    rows, values = _counts(binder, subqueries, match)
    return _unless_counted(binder, x, rows, values, node)


def _unless_counted(
    binder: ExpressionBinder, x: Expression, rows: Expression, values: Expression, node: Any
) -> tuple[tuple[Expression, Expression], ...]:
    return (
        (binder.call("=", [rows, _NONE], node), _FALSE),
        (binder.call("is_null", [x], node), _UNKNOWN),
        (binder.call("<", [values, rows], node), _UNKNOWN),
    )


# -- subqueries as conditions -------------------------------------------------------------------


def filter_by(binder: ExpressionBinder, plan: Node, condition: Any) -> Node:
    """The rows of `plan` for which a condition holds; EXISTS and IN beside AND become semi and anti joins."""
    subqueries = binder.subqueries
    assert subqueries is not None
    plain: list[Expression] = []
    joins: list[tuple[JoinKind, _Match]] = []
    for part in _conjuncts(binder, condition):
        found = _filtering(binder, part)
        if found is None:
            plain.append(binder.bind_condition(part))
            continue
        kind, match = found
        joins.append(found)
        if kind is JoinKind.ANTI and match.pairs:
            plain += _never_unknown(binder, subqueries, match, part)
    made = subqueries.columns
    early = [each for each in plain if columns_of(each).isdisjoint(made)]
    plan = subqueries.attach(filtered(plan, early))
    plan = filtered(plan, [each for each in plain if not columns_of(each).isdisjoint(made)])
    for kind, match in joins:
        plan = dependent_join(binder.context.column, kind, plan, match.plan, match.conditions)
    return plan


def _conjuncts(binder: ExpressionBinder, node: Any) -> list[Any]:
    """The parts of a condition that AND connects."""
    node = binder.reader.unwrap(node)
    if not isinstance(node, exp.And):
        return [node]
    sides = (binder.reader.get(node, "this"), binder.reader.get(node, "expression"))
    return [part for side in sides for part in _conjuncts(binder, side)]


def _filtering(binder: ExpressionBinder, node: Any) -> tuple[JoinKind, _Match] | None:
    """The join that keeps the rows for which the condition is true; None if the condition is no subquery."""
    reader = binder.reader
    positive = True
    while isinstance(node, exp.Not):
        positive = not positive
        node = reader.unwrap(reader.get(node, "this"))
    if isinstance(node, exp.Exists):
        match = _Match(bind_inner(binder, reader.get(node, "this")).plan, (), ())
    else:
        query = query_of_in(binder, node) if isinstance(node, exp.In) else None
        if isinstance(node, exp.EQ | exp.NEQ):
            quantifier = is_quantifier(node.expression)
            if quantifier == ("any" if isinstance(node, exp.EQ) else "all"):
                query = _query_of(binder, reader.get(node, "expression"))
                positive = positive == (quantifier == "any")
        if query is None:
            return None
        match = _bind_match(binder, node, reader.get(node, "this"), query)
    return JoinKind.SEMI if positive else JoinKind.ANTI, match


def _never_unknown(binder: ExpressionBinder, subqueries: Subqueries, match: _Match, node: Any) -> list[Expression]:
    """Conditions under which x IN (SELECT y …) is not NULL if no row is equal."""
    if len(match.pairs) > 1:
        return [binder.call("not", [each], node) for each in _unknown_rows(binder, subqueries, match, node)]
    ((x, _),) = match.pairs
    rows, values = _counts(binder, subqueries, match)
    complete = binder.call("and", [binder.call("is_not_null", [x], node), binder.call("=", [rows, values], node)], node)
    return [binder.call("or", [binder.call("=", [rows, _NONE], node), complete], node)]


def _unknown_rows(
    binder: ExpressionBinder, subqueries: Subqueries, match: _Match, node: Any
) -> tuple[Expression, Expression]:
    """Whether (x, …) IN (SELECT y, …) is NULL if no row is equal: for a NULL in a row, for a NULL among the operands.

    Two questions, since each looks at few rows or at few operands; together they would look at all pairs.
    """
    found = []
    for side in (1, 0):
        plan, names = copied(match.plan, binder.context.column)
        pairs = [(x, names[y.id]) for x, y in match.pairs]
        equal = binder.call("and", [binder.call("=", list(pair), node) for pair in pairs], node)
        nulls = binder.call("or", [binder.call("is_null", [pair[side]], node) for pair in pairs], node)
        unknown = binder.call("is_null", [equal], node)
        (rows,) = _aggregates(binder, subqueries, filtered(plan, [nulls, unknown]), [("count_star", None)])
        found.append(binder.call(">", [rows, _NONE], node))
    return found[0], found[1]


# -- parts --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Match:
    """What IN asks of a subquery: `pairs` of operand and column, cast to be compared."""

    plan: Node
    pairs: tuple[tuple[Expression, Column], ...]
    conditions: tuple[Expression, ...]


def query_of_in(binder: ExpressionBinder, node: Any) -> Any:
    """The query of `x IN (SELECT …)`; None for a list."""
    query = binder.reader.get(node, "query")
    if query is None and len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Values):
        (query,) = binder.reader.all(node)
    return query


def _bind_match(binder: ExpressionBinder, node: Any, operand: Any, query: Any) -> _Match:
    reader, context = binder.reader, binder.context
    operand = reader.unwrap(operand)
    plan = bind_inner(binder, query).plan
    trees = reader.all(operand) if isinstance(operand, exp.Tuple) else [operand]
    if len(plan.columns) != len(trees):
        raise context.error(f"Subquery returns {len(plan.columns)} columns - expected {len(trees)}", node)
    left, right = [], []
    with context.at(node):
        for tree, column in zip(trees, plan.columns, strict=True):
            value = binder.bind(tree)
            target = comparison_type(operand_of(value), Operand(column.type), equality=True)
            if target is None:
                raise BindError(f"{value.type} and {column.type} cannot be compared; add a cast")
            left.append(coerce(value, target))
            right.append(coerce(column, target))
    plan = project(context, plan, right, [column.name for column in plan.columns])
    pairs = tuple(zip(left, plan.columns, strict=True))
    return _Match(plan, pairs, tuple(Call("=", pair, BOOLEAN) for pair in pairs))


def _counts(binder: ExpressionBinder, subqueries: Subqueries, match: _Match) -> Sequence[Column]:
    """The numbers of rows, and of rows that are not NULL."""
    ((_, y),) = match.pairs
    plan, names = copied(match.plan, binder.context.column)
    return _aggregates(binder, subqueries, plan, [("count_star", None), ("count", names[y.id])])


def _aggregated(binder: ExpressionBinder, plan: Node, wanted: Sequence[tuple[str, Column | None]]) -> Aggregate:
    """Aggregates over all rows of `plan`: (function, its argument) each."""
    calls = []
    for name, argument in wanted:
        function = find_aggregate(name)
        if function is None:
            raise InternalError(f"there is no aggregate {name}")
        arguments = () if argument is None else (argument,)
        signature = function.resolve([Operand(each.type) for each in arguments])
        cast = tuple(coerce(each, target) for each, target in zip(arguments, signature.arguments, strict=True))
        calls.append(AggregateCall(name, cast, signature.result))
    columns = tuple(binder.context.column(call.function, call.type) for call in calls)
    return Aggregate(plan, (), (), columns, tuple(calls))


def _aggregates(
    binder: ExpressionBinder, subqueries: Subqueries, plan: Node, wanted: Sequence[tuple[str, Column | None]]
) -> Sequence[Column]:
    """Columns that will hold those aggregates."""
    aggregated = _aggregated(binder, plan, wanted)
    subqueries.add(JoinKind.INNER, aggregated)
    return aggregated.columns


def bind_inner(binder: ExpressionBinder, query: Any) -> BoundQuery:
    """A query that stands in an expression: names it does not know mean what they mean there."""
    from sqlengine.planner.bind_query import bind_query

    with binder.context.inside(binder, binder.tables):
        return bind_query(binder.context, query, binder.tables)


def _registry(binder: ExpressionBinder, node: Any) -> Subqueries:
    if binder.subqueries is None:
        raise binder.context.refuse(f"a subquery in {binder.clause} is not supported", node)
    return binder.subqueries


# x < ALL is NOT (x >= ANY).
_OPPOSITE: Final = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
