"""Disjunctions taken apart, so that what they have in common can be used."""

from __future__ import annotations

from collections.abc import Sequence

from sqlengine.planner.expressions import (
    Call,
    Column,
    Expression,
    InList,
    Literal,
    columns_of,
    conjunction,
    conjuncts,
    transform,
)
from sqlengine.planner.logical import Filter, Node, inputs_of
from sqlengine.planner.logical_joins import Join
from sqlengine.planner.rewriting import filtered, is_deterministic, map_expressions
from sqlengine.types import BOOLEAN


def factor_disjunction(node: Node) -> Node:
    """Draw out of an OR what every alternative demands, of all rows and of the rows of one table.

    `a AND b OR a AND c` becomes `a AND (b OR c)`: if `a` equates two tables, a cross product becomes a hash join
    (TPC-H Q19). And `x = 1 AND y = 2 OR x = 3 AND y = 4` implies `x IN (1, 3)` and `y IN (2, 4)`, which can filter
    the tables of x and y before they are joined (Q7); that is added to the condition, not put in its place.
    Equalities of one column joined by OR become IN. Not done where a function is not deterministic.

    Before:
        Project: x
        └─ Filter: a.k = b.k AND x = 1 AND y = 2 OR a.k = b.k AND x = 3 AND y = 4
           └─ Join: cross
              ├─ Scan: a; k, x, d, s, f, ref
              └─ Scan: b; k, y, t

    After:
        Project: x
        └─ Filter: a.k = b.k AND (x = 1 AND y = 2 OR x = 3 AND y = 4) AND x IN (1, 3) AND y IN (2, 4)
           └─ Join: cross
              ├─ Scan: a; k, x, d, s, f, ref
              └─ Scan: b; k, y, t
    """
    node = map_expressions(node, lambda expression: transform(expression, _as_list))
    match node:
        case Filter(input=below, condition=condition):
            parts = _factored(conjuncts(condition), below)
            return node if parts == conjuncts(condition) else filtered(below, parts)
        case Join(conditions=conditions):
            parts = _factored(conditions, node)
            return node if parts == conditions else Join(node.kind, node.left, node.right, parts)
        case _:
            return node


def _factored(parts: tuple[Expression, ...], below: Node) -> tuple[Expression, ...]:
    found: dict[Expression, None] = {}
    relations: list[frozenset[int]] | None = None
    for part in parts:
        if not (isinstance(part, Call) and part.function == "or" and is_deterministic(part)):
            found[part] = None
            continue
        factored = _common(part)
        found.update(dict.fromkeys(factored))
        rest = factored[-1]
        if isinstance(rest, Call) and rest.function == "or":
            relations = _relations(below) if relations is None else relations
            found.update(dict.fromkeys(_implied(rest, relations)))
    return tuple(found)


def _common(disjunction: Call) -> tuple[Expression, ...]:
    """What all alternatives have in common, then the disjunction of what is left of them, if anything."""
    alternatives = [conjuncts(alternative) for alternative in disjunction.arguments]
    common = [part for part in alternatives[0] if all(part in other for other in alternatives[1:])]
    if not common:
        return (disjunction,)
    rests = [conjunction(tuple(part for part in alternative if part not in common)) for alternative in alternatives]
    left = [rest for rest in rests if rest is not None]
    if len(left) < len(rests):
        # One alternative demands nothing more: then neither does the disjunction.
        return tuple(common)
    return (*common, _as_list(Call("or", tuple(left), BOOLEAN)))


def _implied(disjunction: Call, relations: Sequence[frozenset[int]]) -> list[Expression]:
    """For each relation that every alternative restricts: the disjunction of those restrictions."""
    columns = columns_of(disjunction)
    implied: list[Expression] = []
    for relation in relations:
        if columns <= relation or not columns & relation:
            continue
        restrictions = [
            conjunction(tuple(part for part in conjuncts(each) if columns_of(part) and columns_of(part) <= relation))
            for each in disjunction.arguments
        ]
        known = tuple(dict.fromkeys(each for each in restrictions if each is not None))
        if None not in restrictions:
            implied.append(known[0] if len(known) == 1 else _as_list(Call("or", known, BOOLEAN)))
    return implied


def _relations(node: Node) -> list[frozenset[int]]:
    """Column ids of each input of the tree of joins at `node`."""
    if isinstance(node, Join | Filter):
        return [relation for child in inputs_of(node) for relation in _relations(child)]
    return [frozenset(column.id for column in node.columns)]


def _as_list(expression: Expression) -> Expression:
    """`x = 1 OR x IN (2, 3)` as `x IN (1, 2, 3)`."""
    if not (isinstance(expression, Call) and expression.function == "or"):
        return expression
    column: Expression | None = None
    values: dict[Literal, None] = {}
    for part in expression.arguments:
        match part:
            case Call(function="=", arguments=(Column() as each, Literal() as literal)):
                members: tuple[Literal, ...] = (literal,)
            case InList(operand=Column() as each, values=members, negated=False):
                pass
            case _:
                return expression
        if column is not None and each != column:
            return expression
        column = each
        values.update(dict.fromkeys(members))
    return expression if column is None else InList(column, tuple(values))
