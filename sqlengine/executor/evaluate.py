"""Values of expressions over a batch.

Functions work on whole vectors; what is special here is which rows an expression sees. A branch of CASE, a
later argument of `coalesce` and a later conjunct are evaluated only on the rows that reach them, so that
`CASE WHEN x <> 0 THEN y // x END` cannot fail on a row with x = 0::

    batch            0 1 2 3 4 5
    WHEN x < 2       t t . . . .    -> THEN  on rows 0 1
    WHEN x < 4           t t . .    -> THEN  on rows 2 3
    ELSE                     x x    -> ELSE  on rows 4 5

Equal sub-expressions of one evaluator are computed once per batch.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, assert_never

import numpy as np

from sqlengine.batch import Batch
from sqlengine.errors import DataError, InternalError
from sqlengine.executor.lambdas import run_lambda
from sqlengine.executor.list_aggregates import run_list_aggregate
from sqlengine.executor.pieces import Pieces
from sqlengine.functions.casts import cast
from sqlengine.functions.membership import in_list
from sqlengine.functions.registry import ScalarFunction, find_scalar
from sqlengine.planner.expressions import (
    Call,
    Case,
    Cast,
    Column,
    Expression,
    InList,
    LambdaCall,
    Literal,
    transform,
    walk,
)
from sqlengine.types import BOOLEAN, SqlType
from sqlengine.vector import Vector, concat_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Indices = NDArray[np.int64]

# Functions that answer for any argument; of all others we assume that they may raise.
_TOTAL: Final = frozenset(
    {
        *("=", "<>", "<", "<=", ">", ">=", "is_distinct_from", "is_not_distinct_from", "is_null", "is_not_null"),
        *("and", "or", "not", "like", "ilike", "starts_with", "ends_with", "contains"),
    }
)

# Below this share of surviving rows, gathering them costs less than evaluating the next conjunct on all.
_NARROW_BELOW: Final = 0.25


class Evaluator:
    """Evaluates some expressions over batch after batch, sharing what they have in common.

    Parameters
    ----------
    expressions
        What to compute. Calls of functions that are not deterministic are never shared.
    """

    def __init__(self, expressions: Iterable[Expression]) -> None:
        pool: dict[Hashable, Expression] = {}
        self.expressions = tuple(
            transform(expression, lambda part: pool.setdefault(_identity(part), part)) for expression in expressions
        )
        self._facts = _Facts()

    def vectors(self, batch: Batch) -> list[Vector]:
        """One vector per expression, of the batch's length or constant."""
        scope = _Scope(batch, self._facts)
        return [scope.vector(expression) for expression in self.expressions]

    def passing(self, batch: Batch) -> Indices | None:
        """Numbers of the rows for which every expression is true, ascending; None when all rows pass.

        Those that cannot raise are asked first, in whatever order they were written or pushed here: a row that one
        of them refuses is never the cause of an error. Nor are rows asked about further once few are left.
        """
        scope = _Scope(batch, self._facts)
        kept: Indices | None = None
        mask: Mask | None = None
        for expression in sorted(self.expressions, key=self._facts.may_raise):
            if mask is not None:
                count = int(np.count_nonzero(mask))
                if count < len(mask) and (count < _NARROW_BELOW * len(mask) or self._facts.may_raise(expression)):
                    rows = np.flatnonzero(mask)
                    kept = rows if kept is None else kept.take(rows)
                    if count == 0:
                        return kept
                    scope = scope.narrowed(rows)
                    mask = None
            truth = scope.truth(expression)
            mask = truth if mask is None else mask & truth
        if mask is None or mask.all():
            return kept
        rows = np.flatnonzero(mask)
        return rows if kept is None else kept.take(rows)


def evaluate(expression: Expression, batch: Batch) -> Vector:
    """The values of one expression over `batch`: as many as it has rows, or a constant."""
    return Evaluator((expression,)).vectors(batch)[0]


def filter_batch(batch: Batch, conditions: Sequence[Expression]) -> Batch:
    """Rows for which every condition is true (not false, not NULL)."""
    rows = Evaluator(conditions).passing(batch)
    return batch if rows is None else batch.take(rows)


def may_raise(expression: Expression) -> bool:
    """Whether some value in some row could make `expression` an error."""
    for part in walk(expression):
        match part:
            case Call(function="%", arguments=(_, Literal(value=int() as divisor))) if divisor > 0:
                pass
            case Call(function=name) if name not in _TOTAL:
                return True
            case Cast(attempt=False, type=type_) if not type_.is_text:
                return True
            case LambdaCall():
                return True
            case _:
                pass
    return False


def truth_of(vector: Vector, length: int) -> Mask:
    """True where a BOOLEAN vector is true, False where it is false or NULL; shape (length,)."""
    mask: Mask = vector.values()
    valid = vector.valid()
    if valid is not None:
        mask = mask & valid
    return np.broadcast_to(mask, (length,)) if vector.constant else mask


class _Facts:
    """What holds for the (shared) expressions of one evaluator, whatever the batch; by identity, as in `_Scope`."""

    def __init__(self) -> None:
        self._literals: dict[int, Vector] = {}
        self._may_raise: dict[int, bool] = {}
        self._bodies: dict[int, Evaluator] = {}

    def literal(self, literal: Literal) -> Vector:
        """The literal as a constant."""
        vector = self._literals.get(id(literal))
        if vector is None:
            vector = self._literals[id(literal)] = Vector.from_literal(literal.value, literal.type)
        return vector

    def body(self, call: LambdaCall) -> Callable[[Batch], Vector]:
        """Evaluates the body of a lambda."""
        evaluator = self._bodies.get(id(call))
        if evaluator is None:
            evaluator = self._bodies[id(call)] = Evaluator((call.body,))
        return lambda batch: evaluator.vectors(batch)[0]

    def may_raise(self, expression: Expression) -> bool:
        """See the function of that name."""
        known = self._may_raise.get(id(expression))
        if known is None:
            known = self._may_raise[id(expression)] = may_raise(expression)
        return known


class _Scope:
    """Evaluation over one batch, or over some rows of an outer scope's batch.

    Values are kept by identity of the (shared) expression: hashing a tree per batch would cost more than
    many a function call.
    """

    __slots__ = ("_facts", "_known", "_outer", "_rows", "batch")

    def __init__(self, batch: Batch, facts: _Facts, outer: _Scope | None = None, rows: Indices | None = None) -> None:
        self.batch = batch
        self._facts = facts
        self._known: dict[int, Vector] = {}
        self._outer = outer
        self._rows = rows

    def narrowed(self, rows: Indices) -> _Scope:
        """The scope of only some rows."""
        return _Scope(self.batch.take(rows), self._facts, self, rows)

    def truth(self, expression: Expression) -> Mask:
        """Where `expression` is true."""
        return truth_of(self.vector(expression), self.batch.length)

    def vector(self, expression: Expression) -> Vector:
        """The value of `expression`, computed at most once."""
        if isinstance(expression, Column):
            return self.batch.column(expression.id)
        if isinstance(expression, Literal):
            return self._facts.literal(expression)
        known = self._find(id(expression))
        if known is None:
            known = self._known[id(expression)] = self._compute(expression)
        return known

    def _find(self, key: int) -> Vector | None:
        known = self._known.get(key)
        if known is None and self._outer is not None:
            known = self._outer._find(key)
            if known is not None:
                assert self._rows is not None
                known = self._known[key] = known.take(self._rows)
        return known

    def _compute(self, expression: Expression) -> Vector:
        match expression:
            case Column() | Literal():
                raise InternalError("a leaf is looked up, not computed")
            case Call(function="and" | "or" as name, arguments=arguments, type=type_):
                return self._connect(name, arguments, type_)
            case Call(function="coalesce", arguments=arguments, type=type_) if arguments:
                return self._coalesce(arguments, type_)
            case Call(function="try", arguments=(argument,), type=type_):
                return self._try(argument, type_)
            case Call(function=name, arguments=(), type=type_) if not _function(name).deterministic:
                # Volatile functions see how many rows want a value.
                rows = Vector.from_values(np.zeros(self.batch.length, np.bool_), None, BOOLEAN)
                return _function(name).run([rows], type_)
            case Call(function="list_aggregate", arguments=(whole, Literal(value=str(name)), *rest), type=type_):
                return run_list_aggregate(name, [self.vector(each) for each in (whole, *rest)], type_)
            case Call(function=name, arguments=arguments, type=type_):
                return _function(name).run([self.vector(argument) for argument in arguments], type_)
            case Cast(operand=operand, type=type_, attempt=attempt):
                return cast(self.vector(operand), type_, attempt)
            case Case(branches=branches, otherwise=otherwise, type=type_):
                return self._case(branches, otherwise, type_)
            case LambdaCall(arguments=arguments, captures=captures):
                values_ = [self.vector(each) for each in arguments], [self.vector(outside) for _, outside in captures]
                return run_lambda(expression, *values_, self._facts.body(expression))
            case InList(operand=operand, values=values, negated=negated):
                return in_list(self.vector(operand), [self._facts.literal(value) for value in values], negated)
            case _:
                assert_never(expression)

    def _connect(self, name: str, arguments: Sequence[Expression], type_: SqlType) -> Vector:
        """AND or OR from left to right; arguments that may raise see only the undecided rows."""
        run = _function(name).run
        result = self.vector(arguments[0])
        for argument in arguments[1:]:
            rows = self._undecided(result, deciding=name == "or") if self._facts.may_raise(argument) else None
            if rows is None:
                value = self.vector(argument)
            elif len(rows) == 0:
                return result
            else:
                # The rows left out stay NULL, which neither turns false AND … nor true OR … around.
                value = _spread(self.narrowed(rows).vector(argument), rows, self.batch.length)
            result = run([result, value], type_)
        return result

    def _undecided(self, vector: Vector, deciding: bool) -> Indices | None:
        """Rows where `vector` is not the value that settles the connective; None for all of them."""
        decided = vector.values() == deciding
        valid = vector.valid()
        if valid is not None:
            decided = decided & valid
        if not decided.any():
            return None
        if vector.constant:
            return np.empty(0, np.int64)
        return np.flatnonzero(~decided)

    def _coalesce(self, arguments: Sequence[Expression], type_: SqlType) -> Vector:
        pieces = Pieces(self.batch.length)
        scope = self
        for position, argument in enumerate(arguments):
            value = scope.vector(argument)
            valid = value.valid()
            if valid is None or position == len(arguments) - 1:
                pieces.add_rest(value)
                break
            if value.constant:
                if valid[0]:
                    pieces.add_rest(value)
                    break
                continue
            pieces.add(value, valid)
            if not pieces.rest_length:
                break
            scope = self.narrowed(pieces.rest())
        return pieces.assembled(type_)

    def _try(self, expression: Expression, type_: SqlType) -> Vector:
        """NULL for the rows on which `expression` is an error, found by halving: costs log n evaluations for each."""
        length = self.batch.length
        try:
            return self.vector(expression)
        except DataError:
            if length <= 1:
                return Vector.from_literal(None, type_)
        halves = (np.arange(length // 2), np.arange(length // 2, length))
        parts = [self.narrowed(rows)._try(expression, type_).expand(len(rows)) for rows in halves]
        return concat_vectors(parts)

    def _case(self, branches: Sequence[tuple[Expression, Expression]], otherwise: Expression, type_: SqlType) -> Vector:
        pieces = Pieces(self.batch.length)
        scope = self
        for condition, value in branches:
            mask = scope.truth(condition)
            if mask.all():
                pieces.add_rest(scope.vector(value))
                return pieces.assembled(type_)
            if not mask.any():
                continue
            if isinstance(value, Literal | Column):
                pieces.add(scope.vector(value), mask)
            else:
                rows = np.flatnonzero(mask)
                pieces.add(scope.narrowed(rows).vector(value), mask, narrowed=True)
            scope = self.narrowed(pieces.rest())
        pieces.add_rest(scope.vector(otherwise))
        return pieces.assembled(type_)


def _spread(vector: Vector, rows: Indices, length: int) -> Vector:
    """`vector` on `rows`, NULL on all other rows."""
    if vector.constant:
        vector = vector.expand(len(rows))
    index = np.full(length, -1, np.int64)
    index[rows] = np.arange(len(rows))
    return vector.take(index, may_miss=True)


def _function(name: str) -> ScalarFunction:
    function = find_scalar(name)
    if function is None:
        raise InternalError(f"the plan calls a function {name!r} that is not registered")
    return function


def _identity(expression: Expression) -> Hashable:
    """A key that is equal for expressions of equal value whose children are already shared.

    Not the expression itself: Python holds 0.0 and -0.0, or Decimal('1.0') and Decimal('1.00'), for equal.
    """
    key: tuple[Any, ...]
    match expression:
        case Literal(value=value, type=type_):
            key = (repr(value), type_)
        case Column(id=column):
            key = (column,)
        case Call(function=name, arguments=arguments, type=type_):
            if not _function(name).deterministic:
                return id(expression)
            key = (name, type_, *map(id, arguments))
        case Cast(operand=operand, type=type_, attempt=attempt):
            key = (id(operand), type_, attempt)
        case Case(branches=branches, otherwise=otherwise, type=type_):
            key = (type_, id(otherwise), *(id(part) for branch in branches for part in branch))
        case InList(operand=operand, values=values, negated=negated):
            key = (id(operand), negated, *(repr(value) for value in values))
        case LambdaCall():
            # Two lambdas of one text have parameters of different ids.
            return id(expression)
        case _:
            assert_never(expression)
    return (type(expression), key)
