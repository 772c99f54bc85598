"""What of a join's condition an index of one input can answer: equalities and inequalities between the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlengine.planner.expressions import Call, Expression, columns_of, conjuncts
from sqlengine.types import SqlType, TypeKind, words_dtype


@dataclass(frozen=True, slots=True)
class JoinKey:
    """`left = right`, each over one input only; `null_equal` if NULL matches NULL (IS NOT DISTINCT FROM)."""

    left: Expression
    right: Expression
    null_equal: bool = False


@dataclass(frozen=True, slots=True)
class Inequality:
    """`left operator right`, each over one input only; operator one of < <= > >=."""

    left: Expression
    operator: str
    right: Expression


_EQUALITIES = {"=": False, "is_not_distinct_from": True}
MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


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
    match _sides(one, other, left, right):
        case True:
            return JoinKey(one, other, null_equal)
        case False:
            return JoinKey(other, one, null_equal)
        case _:
            return None


def key_alternatives(
    condition: Expression, left: frozenset[int], right: frozenset[int]
) -> tuple[tuple[JoinKey, ...], ...]:
    """Of a disjunction each of whose alternatives demands equal keys: those of each alternative; else nothing."""
    if not isinstance(condition, Call) or condition.function != "or":
        return ()
    alternatives = tuple(split_conditions(conjuncts(part), left, right)[0] for part in condition.arguments)
    return alternatives if all(alternatives) else ()


def as_inequality(condition: Expression, left: frozenset[int], right: frozenset[int]) -> Inequality | None:
    """The inequality between the inputs that `condition` is, or None."""
    if not isinstance(condition, Call) or condition.function not in MIRRORED:
        return None
    one, other = condition.arguments
    if one.type != other.type:
        return None
    match _sides(one, other, left, right):
        case True:
            return Inequality(one, condition.function, other)
        case False:
            return Inequality(other, MIRRORED[condition.function], one)
        case _:
            return None


def is_searchable(sql_type: SqlType) -> bool:
    """Whether values of the type can be put in order and searched."""
    return sql_type.is_text or sql_type.kind is TypeKind.INTERVAL or words_dtype(sql_type) is not None


def _sides(one: Expression, other: Expression, left: frozenset[int], right: frozenset[int]) -> bool | None:
    """True if `one` is over the left input and `other` over the right one, False if the other way round."""
    one_columns, other_columns = columns_of(one), columns_of(other)
    if not one_columns or not other_columns:
        return None
    if one_columns <= left and other_columns <= right:
        return True
    return False if one_columns <= right and other_columns <= left else None
