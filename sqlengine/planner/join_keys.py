"""What of a join's condition a hash table can answer: equalities with one side on either input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlengine.planner.expressions import Call, Expression, columns_of


@dataclass(frozen=True, slots=True)
class JoinKey:
    """`left = right`, each over one input only; `null_equal` if NULL matches NULL (IS NOT DISTINCT FROM)."""

    left: Expression
    right: Expression
    null_equal: bool = False


_EQUALITIES = {"=": False, "is_not_distinct_from": True}


def split_conditions(
    conditions: Sequence[Expression], left: frozenset[int], right: frozenset[int]
) -> tuple[tuple[JoinKey, ...], tuple[Expression, ...]]:
    """(keys, the other conjuncts) of a join between inputs that deliver the column ids `left` and `right`.

    Both sides of a key have the same type: the binder has cast them.
    """
    keys: list[JoinKey] = []
    residual: list[Expression] = []
    for condition in conditions:
        key = as_key(condition, left, right)
        if key is None:
            residual.append(condition)
        else:
            keys.append(key)
    return tuple(keys), tuple(residual)


def as_key(condition: Expression, left: frozenset[int], right: frozenset[int]) -> JoinKey | None:
    """The key that `condition` is, or None."""
    if not isinstance(condition, Call) or condition.function not in _EQUALITIES:
        return None
    one, other = condition.arguments
    if one.type != other.type:
        return None
    null_equal = _EQUALITIES[condition.function]
    one_columns, other_columns = columns_of(one), columns_of(other)
    if not one_columns or not other_columns:
        return None
    if one_columns <= left and other_columns <= right:
        return JoinKey(one, other, null_equal)
    if one_columns <= right and other_columns <= left:
        return JoinKey(other, one, null_equal)
    return None
