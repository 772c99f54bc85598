"""JOIN … USING and NATURAL JOIN: columns of both sides that are one above the join."""

from __future__ import annotations

from typing import Any

from sqlengine.errors import did_you_mean
from sqlengine.planner.bind_expression import ExpressionBinder
from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import Expression
from sqlengine.planner.logical_joins import JoinKind
from sqlengine.planner.scope import Merged, Scope


def merged_names(context: BindContext, left: Scope, right: Scope, join: Any) -> list[str]:
    """Columns that USING names, or that NATURAL finds on both sides, in the left side's order."""
    reader = context.reader
    if str(reader.get(join, "method") or "").upper() != "NATURAL":
        return [reader.name(each) for each in reader.all(join, "using")]
    on_right = {name.lower() for name, _ in right.star()}
    names = list(dict.fromkeys(name for name, _ in left.star() if name.lower() in on_right))
    if not names:
        raise context.error("NATURAL JOIN: the two sides have no column name in common", join)
    return names


def merge(
    context: BindContext, left: Scope, right: Scope, name: str, kind: JoinKind, operator: str, join: Any
) -> tuple[Expression, Merged]:
    """The comparison that USING (name) means, and what `name` alone means above the join."""
    sides = []
    for scope, side in ((left, "left"), (right, "right")):
        with context.at(join):
            found = scope.find(name)
        if found is None:
            names = [each for each, _ in scope.star()]
            hint = did_you_mean(name, names)
            raise context.error(f'USING: the {side} side of the join has no column "{name}".{hint}', join)
        sides.append(found)
    binder = ExpressionBinder(context, Scope(), "USING")
    condition = binder.call(operator, list(sides), join)
    match kind:
        case JoinKind.FULL:
            meaning = binder.call("coalesce", list(sides), join)
        case JoinKind.RIGHT:
            meaning = sides[1]
        case _:
            meaning = sides[0]
    members: set[int] = set()
    for scope in (left, right):
        merged = scope.merged_as(name)
        members.update(member for each in merged for member in each.members)
        members.update(column.id for relation in scope.relations for column in relation.find(name))
    return condition, Merged(left.spelling(name), meaning, frozenset(members))
