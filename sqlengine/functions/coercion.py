"""Which type meets which: literals, implicit casts and common types, by DuckDB's rules.

References
----------
DuckDB, `src/function/cast_rules.cpp` (costs), `src/common/types.cpp` (`MaxLogicalType`), and
`bind_comparison_expression.cpp`; the tests compare every rule with `SELECT typeof(...)`.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Sequence
from typing import Final

from sqlengine.errors import InternalError, NotSupportedError
from sqlengine.functions.registry import Operand
from sqlengine.types import (
    BIGINT,
    BLOB,
    BOOLEAN,
    DATE,
    DOUBLE,
    HUGEINT,
    INTEGER,
    INTERVAL,
    MAX_DECIMAL_PRECISION,
    NULL,
    SMALLINT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    VARCHAR,
    SqlType,
    TypeKind,
    integer_range,
)
from sqlengine.types import decimal as decimal_type

_K = TypeKind

# The decimal digits that hold every value of a whole-number type.
INTEGER_DIGITS: Final[dict[TypeKind, int]] = {
    _K.TINYINT: 3,
    _K.SMALLINT: 5,
    _K.INTEGER: 10,
    _K.BIGINT: 19,
    _K.HUGEINT: 38,
    _K.UTINYINT: 3,
    _K.USMALLINT: 5,
    _K.UINTEGER: 10,
    _K.UBIGINT: 20,
}

# What an implicit cast to a type costs; others cost 110. Small differences settle which overload wins.
_TARGET_COSTS: Final[dict[TypeKind, int]] = {
    _K.BIGINT: 101,
    _K.INTEGER: 102,
    _K.HUGEINT: 103,
    _K.DOUBLE: 104,
    _K.DECIMAL: 105,
    _K.TIMESTAMP_NS: 119,
    _K.TIMESTAMP: 120,
    _K.TIMESTAMP_MS: 121,
    _K.TIMESTAMP_S: 122,
    _K.TIMESTAMPTZ: 123,
    _K.VARCHAR: 149,
    _K.STRUCT: 160,
    _K.MAP: 160,
    _K.LIST: 160,
}

_FRACTIONAL: Final = (_K.FLOAT, _K.DOUBLE, _K.DECIMAL)

_IMPLICIT: Final[dict[TypeKind, frozenset[TypeKind]]] = {
    kind: frozenset(targets)
    for kind, targets in {
        _K.TINYINT: (_K.SMALLINT, _K.INTEGER, _K.BIGINT, _K.HUGEINT, *_FRACTIONAL),
        _K.SMALLINT: (_K.INTEGER, _K.BIGINT, _K.HUGEINT, *_FRACTIONAL),
        _K.INTEGER: (_K.BIGINT, _K.HUGEINT, *_FRACTIONAL),
        _K.BIGINT: (_K.HUGEINT, *_FRACTIONAL),
        _K.HUGEINT: _FRACTIONAL,
        _K.UTINYINT: (
            _K.USMALLINT,
            _K.UINTEGER,
            _K.UBIGINT,
            _K.SMALLINT,
            _K.INTEGER,
            _K.BIGINT,
            _K.HUGEINT,
            *_FRACTIONAL,
        ),
        _K.USMALLINT: (_K.UINTEGER, _K.UBIGINT, _K.INTEGER, _K.BIGINT, _K.HUGEINT, *_FRACTIONAL),
        _K.UINTEGER: (_K.UBIGINT, _K.BIGINT, _K.HUGEINT, *_FRACTIONAL),
        _K.UBIGINT: (_K.HUGEINT, *_FRACTIONAL),
        _K.FLOAT: (_K.DOUBLE,),
        _K.DECIMAL: (_K.FLOAT, _K.DOUBLE),
        _K.DATE: (_K.TIMESTAMP, _K.TIMESTAMPTZ, _K.TIMESTAMP_MS, _K.TIMESTAMP_NS, _K.TIMESTAMP_S),
        _K.TIMESTAMP_S: (_K.TIMESTAMP, _K.TIMESTAMP_MS, _K.TIMESTAMP_NS),
        _K.TIMESTAMP_MS: (_K.TIMESTAMP, _K.TIMESTAMP_NS),
        _K.TIMESTAMP_NS: (_K.TIMESTAMP,),
        _K.TIMESTAMP: (_K.TIMESTAMP_NS, _K.TIMESTAMPTZ),
    }.items()
}

# A comparison of VARCHAR with one of these reads the text as that type.
_READ_FROM_TEXT: Final = frozenset(
    {*INTEGER_DIGITS, *_FRACTIONAL, _K.BOOLEAN, _K.DATE, _K.TIME, _K.INTERVAL}
    | {_K.TIMESTAMP, _K.TIMESTAMP_S, _K.TIMESTAMP_MS, _K.TIMESTAMP_NS, _K.TIMESTAMPTZ}
)

# Where two types have nothing in common, `=` and UNION take the one that stands later here.
_SCORES: Final[tuple[TypeKind, ...]] = (
    _K.NULL,
    _K.BOOLEAN,
    _K.UTINYINT,
    _K.TINYINT,
    _K.USMALLINT,
    _K.SMALLINT,
    _K.UINTEGER,
    _K.INTEGER,
    _K.UBIGINT,
    _K.BIGINT,
    _K.HUGEINT,
    _K.DECIMAL,
    _K.FLOAT,
    _K.DOUBLE,
    _K.TIME,
    _K.DATE,
    _K.TIMESTAMP_S,
    _K.TIMESTAMP_MS,
    _K.TIMESTAMP,
    _K.TIMESTAMPTZ,
    _K.TIMESTAMP_NS,
    _K.INTERVAL,
    _K.VARCHAR,
    _K.BLOB,
    _K.STRUCT,
    _K.LIST,
    _K.MAP,
)


def literal_type(value: object) -> SqlType:
    """The natural type of an untyped literal, as DuckDB's `typeof` gives it.

    Whole numbers take the smallest of INTEGER, BIGINT and HUGEINT; decimals as many digits as they
    show (a zero before the point counts); floats are DOUBLE. A `datetime` with a time zone is TIMESTAMPTZ.

    Raises
    ------
    NotSupportedError
        For a whole number of more than 38 digits.
    """
    match value:
        case None:
            return NULL
        case bool():
            return BOOLEAN
        case int():
            for candidate in (INTEGER, BIGINT, HUGEINT):
                low, high = integer_range(candidate.kind)
                if low <= value <= high:
                    return candidate
            raise NotSupportedError(f"the number {value} has more than {MAX_DECIMAL_PRECISION} digits")
        case float():
            return DOUBLE
        case decimal.Decimal():
            return _decimal_literal_type(value)
        case str():
            return VARCHAR
        case bytes():
            return BLOB
        case datetime.datetime():
            return TIMESTAMP if value.tzinfo is None else TIMESTAMPTZ
        case datetime.date():
            return DATE
        case datetime.time():
            return TIME
        case datetime.timedelta() | tuple():
            return INTERVAL
        case _:
            raise InternalError(f"no SQL type for the literal {value!r}")


def implicit_cost(operand: Operand, target: SqlType) -> int | None:
    """What it costs to pass `operand` where `target` is wanted; 0 for the same type, None if not allowed.

    String literals pass as anything, whole-number literals as any type they fit, NULL as anything.
    """
    kind = operand.type.kind
    if kind is _K.NULL:
        return _target_cost(target)
    if isinstance(operand.literal, str):
        return 1 if target.kind is _K.VARCHAR else 20
    if _is_integer_literal(operand):
        if kind is target.kind:
            return 0
        if _fits(operand.literal, target):
            return _target_cost(target) - 90
    if kind is target.kind:
        same_children = all(
            implicit_cost(Operand(mine), theirs) is not None
            for (_, mine), (_, theirs) in zip(operand.type.children, target.children, strict=False)
        )
        return 0 if same_children and len(operand.type.children) == len(target.children) else None
    return _target_cost(target) if target.kind in _IMPLICIT.get(kind, ()) else None


def can_cast_implicitly(source: SqlType, target: SqlType) -> bool:
    """Whether a value of `source` (not a literal) is taken where `target` is wanted."""
    return implicit_cost(Operand(source), target) is not None


def decimal_digits(sql_type: SqlType) -> tuple[int, int] | None:
    """(precision, scale) of the DECIMAL that holds every value of a whole-number or DECIMAL type."""
    if sql_type.kind is _K.DECIMAL:
        return sql_type.precision, sql_type.scale
    digits = INTEGER_DIGITS.get(sql_type.kind)
    return None if digits is None else (digits, 0)


def common_type(operands: Sequence[Operand], force: bool = False) -> SqlType | None:
    """The type that CASE, COALESCE, IN, and (with `force`) set operations bring all operands to.

    Parameters
    ----------
    operands
        At least one.
    force
        Where two types do not mix, take the one that can say more, as UNION does (INTEGER and
        VARCHAR: VARCHAR), instead of None.

    Returns
    -------
    SqlType or None
        NULL if every operand is the literal NULL; None if the types do not mix.
    """
    best = operands[0]
    for operand in operands[1:]:
        combined = _combine(best, operand)
        if combined is None:
            if not force:
                return None
            combined = Operand(max(best.type, operand.type, key=_score))
        best = combined
    return best.type


def comparison_type(left: Operand, right: Operand, equality: bool) -> SqlType | None:
    """The type in which two operands are compared; None if they cannot be.

    `=`, `<>`, IN and IS DISTINCT FROM read VARCHAR as the other side's type; the orderings refuse that.
    """
    result = common_type((left, right), force=equality)
    if result is None:
        return None
    if result.kind is _K.DECIMAL:
        sides = (decimal_digits(left.type), decimal_digits(right.type))
        known = [side for side in sides if side is not None]
        scale = max(s for _, s in known)
        whole = max(p - s for p, s in known)
        # More than 38 digits: the cast refuses large values, where rounding could make unequal values equal.
        return decimal_type(min(whole + scale, MAX_DECIMAL_PRECISION), scale)
    if result.kind is _K.VARCHAR:
        for side in (left, right):
            if side.type.kind in _READ_FROM_TEXT:
                return side.type
    return result


def _combine(left: Operand, right: Operand) -> Operand | None:
    # NULL and string literals take the other's type; two string literals are text.
    if left.type.kind is _K.NULL or (isinstance(left.literal, str) and right.type.kind is not _K.NULL):
        return right if left.type == right.type and left.type.kind is _K.NULL else Operand(right.type)
    if right.type.kind is _K.NULL or isinstance(right.literal, str):
        return Operand(left.type)
    if left.type.kind is right.type.kind:
        return _combine_same_kind(left, right)
    if _is_integer_literal(left) and _is_integer_literal(right):
        return max(left, right, key=lambda operand: INTEGER_DIGITS[operand.type.kind])
    to_right, to_left = implicit_cost(left, right.type), implicit_cost(right, left.type)
    if to_right is not None and (to_left is None or to_right < to_left):
        return Operand(_grown(left.type, right.type))
    if to_left is not None:
        return Operand(_grown(right.type, left.type))
    if left.type.is_numeric and right.type.is_numeric:
        return Operand(_signed_and_unsigned(left.type, right.type))
    if left.type.kind is _K.BOOLEAN and right.type.is_integer:
        return Operand(right.type)
    if right.type.kind is _K.BOOLEAN and left.type.is_integer:
        return Operand(left.type)
    return None


def _combine_same_kind(left: Operand, right: Operand) -> Operand | None:
    if _is_integer_literal(left):
        # A typed side decides; of two literals the type is the same anyway.
        return right
    if _is_integer_literal(right):
        return left
    if left.type.kind is _K.DECIMAL:
        whole = max(left.type.precision - left.type.scale, right.type.precision - right.type.scale)
        return Operand(_decimal_of(whole, max(left.type.scale, right.type.scale)))
    if not left.type.children:
        return Operand(left.type)
    if len(left.type.children) != len(right.type.children):
        return None
    children = []
    for (name, mine), (other, theirs) in zip(left.type.children, right.type.children, strict=True):
        child = common_type((Operand(mine), Operand(theirs)))
        if child is None or name != other:
            return None
        children.append((name, child))
    # As in DuckDB the longer of two arrays counts; a cast of the shorter one then fails.
    size = max(left.type.size, right.type.size)
    return Operand(SqlType(left.type.kind, children=tuple(children), size=size))


def _grown(source: SqlType, target: SqlType) -> SqlType:
    """`target`, with enough digits before the point for a whole number if it is a DECIMAL."""
    digits = INTEGER_DIGITS.get(source.kind)
    if target.kind is not _K.DECIMAL or digits is None or digits <= target.precision - target.scale:
        return target
    return decimal_type(min(digits + target.scale, MAX_DECIMAL_PRECISION), target.scale)


def _signed_and_unsigned(left: SqlType, right: SqlType) -> SqlType:
    kinds = {left.kind, right.kind}
    for pair, result in (
        ({_K.BIGINT, _K.UBIGINT}, HUGEINT),
        ({_K.INTEGER, _K.UINTEGER}, BIGINT),
        ({_K.SMALLINT, _K.USMALLINT}, INTEGER),
    ):
        if kinds & pair:
            return result
    return SMALLINT


def _decimal_of(whole: int, scale: int) -> SqlType:
    if whole + scale > MAX_DECIMAL_PRECISION:
        return decimal_type(MAX_DECIMAL_PRECISION, MAX_DECIMAL_PRECISION - whole)
    return decimal_type(whole + scale, scale)


def _decimal_literal_type(value: decimal.Decimal) -> SqlType:
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        return DOUBLE
    scale = max(-exponent, 0)
    precision = max(len(digits) + max(exponent, 0), scale + 1)
    # A literal that no DECIMAL holds is a DOUBLE, as in DuckDB.
    return decimal_type(precision, scale) if precision <= MAX_DECIMAL_PRECISION else DOUBLE


def _is_integer_literal(operand: Operand) -> bool:
    # A constant that was cast, as in 1::TINYINT, has another type than its value suggests and keeps it.
    value = operand.literal
    return isinstance(value, int) and not isinstance(value, bool) and literal_type(value) == operand.type


def _fits(value: object, target: SqlType) -> bool:
    if not isinstance(value, int) or not target.is_integer:
        return False
    low, high = integer_range(target.kind)
    return low <= value <= high


def _target_cost(target: SqlType) -> int:
    return _TARGET_COSTS.get(target.kind, 110)


def _score(sql_type: SqlType) -> int:
    return _SCORES.index(sql_type.kind)
