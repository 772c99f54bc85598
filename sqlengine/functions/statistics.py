"""Aggregates of statistics: variances, covariances, regression, skewness, kurtosis, compensated sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from sqlengine.errors import BindError, OutOfRangeError
from sqlengine.functions.coercion import implicit_cost
from sqlengine.functions.grouped_rows import GroupedRows
from sqlengine.functions.nested_states import doubles_of
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import (
    AggregateFunction,
    AggregateSignature,
    Operand,
    Rows,
    State,
    StateOp,
    register_aggregate,
)
from sqlengine.types import DOUBLE, UINTEGER, SqlType, struct_of
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]
    # The fields of the states of all groups -> (results, where they are not NULL).
    Formula = Callable[[dict[str, Doubles]], tuple[Doubles, NDArray[np.bool_]]]


def _doubles(*names: str) -> SqlType:
    return struct_of((name, DOUBLE) for name in names)


_STATES: Final[dict[StateOp, SqlType]] = {
    StateOp.PRODUCT: _doubles("n", "product"),
    StateOp.KAHAN: _doubles("n", "sum", "error"),
    StateOp.MOMENTS: _doubles("n", "mean", "m2"),
    StateOp.SHAPES: _doubles("n", "mean", "m2", "m3", "m4"),
    StateOp.COMOMENTS: _doubles("n", "mean_x", "mean_y", "m2_x", "m2_y", "c"),
}


def _variance(state: dict[str, Doubles]) -> tuple[Doubles, NDArray[np.bool_]]:
    return state["m2"] / (state["n"] - 1), state["n"] > 1


def _population_variance(state: dict[str, Doubles]) -> tuple[Doubles, NDArray[np.bool_]]:
    return np.where(state["n"] > 1, state["m2"] / state["n"], 0.0), state["n"] > 0


def _root(formula: Formula) -> Formula:
    def run(state: dict[str, Doubles]) -> tuple[Doubles, NDArray[np.bool_]]:
        values, valid = formula(state)
        return np.sqrt(values), valid

    return run


def _standard_error(state: dict[str, Doubles]) -> tuple[Doubles, NDArray[np.bool_]]:
    values, valid = _population_variance(state)
    return np.sqrt(values) / np.sqrt(state["n"]), valid


def _skewness(state: dict[str, Doubles]) -> tuple[Doubles, NDArray[np.bool_]]:
    """Of a sample, after Joanes and Gill 1998; NULL for fewer than three values, or when all are equal."""
    n = state["n"]
    spread = state["m2"] / n
    divisor = spread * np.sqrt(spread)
    valid = (n > 2) & (divisor != 0)
    values = np.sqrt(n * (n - 1)) / (n - 2) * (state["m3"] / n) / divisor
    return _finite(values, valid, "skewness"), valid


def _kurtosis(state: dict[str, Doubles]) -> tuple[Doubles, NDArray[np.bool_]]:
    """Excess kurtosis of a sample; NULL for fewer than four values, or when all are equal."""
    n = state["n"]
    m2, m4, valid = _central(state)
    valid &= n > 3
    values = (n - 1) * ((n + 1) * m4 / (m2 * m2) - 3 * (n - 1)) / ((n - 2) * (n - 3))
    return _finite(values, valid, "kurtosis"), valid


def _population_kurtosis(state: dict[str, Doubles]) -> tuple[Doubles, NDArray[np.bool_]]:
    m2, m4, valid = _central(state)
    return _finite(m4 / (m2 * m2) - 3, valid, "kurtosis_pop"), valid


def _central(state: dict[str, Doubles]) -> tuple[Doubles, Doubles, NDArray[np.bool_]]:
    """Second and fourth central moment, and where kurtosis is defined."""
    n = state["n"]
    m2 = state["m2"] / n
    return m2, state["m4"] / n, (n > 1) & ~(m2 <= 0)


def _finite(values: Doubles, valid: NDArray[np.bool_], name: str) -> Doubles:
    if not np.isfinite(values[valid]).all():
        raise OutOfRangeError(f"{name} is out of range: its argument has NaN, infinite or too great values")
    return values


def _covariance(state: dict[str, Doubles]) -> tuple[Doubles, NDArray[np.bool_]]:
    return state["c"] / (state["n"] - 1), state["n"] > 1


def _correlation(state: dict[str, Doubles]) -> tuple[Doubles, NDArray[np.bool_]]:
    n = state["n"]
    return state["c"] / n / (np.sqrt(state["m2_x"] / n) * np.sqrt(state["m2_y"] / n)), n > 0


def _slope(state: dict[str, Doubles]) -> tuple[Doubles, NDArray[np.bool_]]:
    n = state["n"]
    return (state["c"] / n) / (state["m2_x"] / n), n > 0


def _intercept(state: dict[str, Doubles]) -> tuple[Doubles, NDArray[np.bool_]]:
    slope, valid = _slope(state)
    return state["mean_y"] - slope * state["mean_x"], valid & (state["m2_x"] != 0)


def _determination(state: dict[str, Doubles]) -> tuple[Doubles, NDArray[np.bool_]]:
    values, valid = _correlation(state)
    return np.where(state["m2_y"] == 0, 1.0, values**2), valid & (state["m2_x"] != 0)


def _of(field: str, per_row: bool = False) -> Formula:
    """A field of the state, divided by the number of rows if `per_row`."""

    def run(state: dict[str, Doubles]) -> tuple[Doubles, NDArray[np.bool_]]:
        values = state[field] / state["n"] if per_row else state[field]
        return values, state["n"] > 0

    return run


def _count(state: dict[str, Doubles]) -> tuple[Doubles, NDArray[np.bool_]]:
    return state["n"], np.ones(len(state["n"]), np.bool_)


def _resolver(
    name: str, op: StateOp, result: SqlType, rows: Rows | None = None, count: int = 0
) -> Callable[[Sequence[Operand]], AggregateSignature]:
    """Of a function whose arguments are DOUBLEs."""
    wanted = count or (2 if op is StateOp.COMOMENTS else 1)

    def resolve(operands: Sequence[Operand]) -> AggregateSignature:
        if len(operands) != wanted:
            raise BindError(f"{name} takes {wanted} argument{'s' if wanted > 1 else ''}, not {len(operands)}")
        if any(implicit_cost(operand, DOUBLE) is None for operand in operands):
            raise BindError(f"{describe_call(name, operands)} does not exist; {name} takes numbers")
        types = (DOUBLE,) * wanted
        if rows is not None:
            return AggregateSignature(types, result, rows=rows)
        return AggregateSignature(types, result, (State(op, tuple(range(wanted)), _STATES[op]),))

    return resolve


def _finalizer(formula: Formula) -> Callable[[Sequence[Vector], SqlType], Vector]:
    def finalize(states: Sequence[Vector], result: SqlType) -> Vector:
        with np.errstate(all="ignore"):
            values, valid = formula(doubles_of(states[0]))
        if result == UINTEGER:
            return Vector.from_values(values.astype(np.uint32), None, result)
        return Vector.from_values(values, None if valid.all() else valid, result)

    return finalize


def _geometric_mean(rows: GroupedRows, result: SqlType) -> Vector:
    with np.errstate(all="ignore"):
        logs = np.log(rows.arguments[0].expand(rows.row_count).values())
        counts = rows.lengths
        values = np.exp(np.bincount(rows.groups(), logs, rows.group_count) / counts)
    return Vector.from_values(values, counts > 0, result)


def _weighted_mean(rows: GroupedRows, result: SqlType) -> Vector:
    """Sum of products over the sum of the weights of values that are not NULL; NULL weights count nothing."""
    value, weight = (argument.expand(rows.row_count) for argument in rows.arguments)
    both = np.ones(rows.row_count, np.bool_)
    for vector in (value, weight):
        valid = vector.valid()
        if valid is not None:
            both &= valid
    groups = rows.groups()[both]
    with np.errstate(all="ignore"):
        weights = weight.values()[both]
        products = np.bincount(groups, value.values()[both] * weights, rows.group_count)
        values = products / np.bincount(groups, weights, rows.group_count)
    return Vector.from_values(values, np.bincount(groups, minlength=rows.group_count) > 0, result)


_VALUES: Final = "FROM (VALUES (1), (2), (6)) AS t(x)"
_PAIRS: Final = "FROM (VALUES (2, 1), (4, 2), (9, 3)) AS t(y, x)"

# name: (aliases, state, formula, result of the example, summary)
_FUNCTIONS: Final[dict[str, tuple[tuple[str, ...], StateOp, Formula, str, str]]] = {
    "var_samp": (("variance",), StateOp.MOMENTS, _variance, "7.0", "The variance of a sample."),
    "var_pop": ((), StateOp.MOMENTS, _population_variance, "4.666666666666667", "The variance of a population."),
    "stddev_samp": (
        ("stddev",),
        StateOp.MOMENTS,
        _root(_variance),
        "2.6457513110645907",
        "The standard deviation of a sample.",
    ),
    "stddev_pop": (
        (),
        StateOp.MOMENTS,
        _root(_population_variance),
        "2.160246899469287",
        "The standard deviation of a population.",
    ),
    "sem": ((), StateOp.MOMENTS, _standard_error, "1.2472191289246473", "The standard error of the mean."),
    "skewness": ((), StateOp.SHAPES, _skewness, "1.4578629673213048", "The skewness of a sample."),
    "kurtosis": ((), StateOp.SHAPES, _kurtosis, "NULL", "The excess kurtosis of a sample."),
    "kurtosis_pop": ((), StateOp.SHAPES, _population_kurtosis, "-1.5", "The excess kurtosis of a population."),
    "covar_samp": ((), StateOp.COMOMENTS, _covariance, "3.5", "The covariance of a sample of pairs."),
    "covar_pop": ((), StateOp.COMOMENTS, _of("c", True), "2.3333333333333335", "The covariance of pairs."),
    "corr": ((), StateOp.COMOMENTS, _correlation, "0.9707253433941511", "The correlation of pairs."),
    "regr_slope": ((), StateOp.COMOMENTS, _slope, "3.5000000000000004", "The slope of the line closest to pairs."),
    "regr_intercept": (
        (),
        StateOp.COMOMENTS,
        _intercept,
        "-2.000000000000001",
        "Where the line closest to pairs has x = 0.",
    ),
    "regr_r2": ((), StateOp.COMOMENTS, _determination, "0.9423076923076925", "The square of the correlation."),
    "regr_count": ((), StateOp.COMOMENTS, _count, "3", "The number of pairs without NULL."),
    "regr_avgx": ((), StateOp.COMOMENTS, _of("mean_x"), "2.0", "The mean of x over pairs (y, x) without NULL."),
    "regr_avgy": ((), StateOp.COMOMENTS, _of("mean_y"), "5.0", "The mean of y over pairs (y, x) without NULL."),
    "regr_sxx": ((), StateOp.COMOMENTS, _of("m2_x"), "2.0", "The squared deviations of x, summed."),
    "regr_syy": ((), StateOp.COMOMENTS, _of("m2_y"), "26.0", "The squared deviations of y, summed."),
    "regr_sxy": ((), StateOp.COMOMENTS, _of("c"), "7.0", "The products of the deviations of x and y, summed."),
    "product": ((), StateOp.PRODUCT, _of("product"), "12.0", "The product of all values."),
    "kahan_sum": (("fsum", "sumkahan"), StateOp.KAHAN, _of("sum"), "9.0", "The sum, with compensated rounding errors."),
    "favg": ((), StateOp.KAHAN, _of("sum", True), "3.0", "The mean, with compensated rounding errors."),
}

for _name, (_aliases, _op, _formula, _shown, _summary) in _FUNCTIONS.items():
    _arguments, _from = ("y, x", _PAIRS) if _op is StateOp.COMOMENTS else ("x", _VALUES)
    register_aggregate(
        AggregateFunction(
            _name,
            _resolver(_name, _op, UINTEGER if _name == "regr_count" else DOUBLE),
            _finalizer(_formula),
            (f"SELECT {_name}({_arguments}) {_from}", _shown),
            _summary,
        ),
        _aliases,
    )
register_aggregate(
    AggregateFunction(
        "geometric_mean",
        _resolver("geometric_mean", StateOp.PRODUCT, DOUBLE, Rows(_geometric_mean)),
        example=("SELECT geometric_mean(x) FROM (VALUES (2), (8)) AS t(x)", "4.0"),
        summary="The geometric mean.",
    ),
    ("geomean",),
)
register_aggregate(
    AggregateFunction(
        "weighted_avg",
        _resolver("weighted_avg", StateOp.PRODUCT, DOUBLE, Rows(_weighted_mean, ()), 2),
        example=("SELECT weighted_avg(x, w) FROM (VALUES (2, 1), (8, 3)) AS t(x, w)", "6.5"),
        summary="The mean of the first argument, weighted by the second.",
    ),
    ("wavg",),
)
