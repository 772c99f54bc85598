"""Accumulators over several batches equal plain Python, for every type and layout."""

import decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sqlengine.types as T
from sqlengine.errors import NotSupportedError, OutOfRangeError
from sqlengine.executor.accumulators.make import make_accumulator
from sqlengine.functions.registry import StateOp
from sqlengine.vector import Vector

D = decimal.Decimal
BIG = 10**38 - 1

VALUES = {
    T.BOOLEAN: st.booleans(),
    T.TINYINT: st.integers(-128, 127),
    T.INTEGER: st.integers(-(2**31), 2**31 - 1),
    T.BIGINT: st.integers(-(2**63), 2**63 - 1),
    T.UBIGINT: st.integers(0, 2**64 - 1),
    T.HUGEINT: st.integers(-(10**30), 10**30).map(D),
    T.decimal(12, 2): st.integers(-(10**12) + 1, 10**12 - 1).map(lambda i: D(i).scaleb(-2)),
    T.decimal(38, 2): st.integers(-(10**30), 10**30).map(lambda i: D(i).scaleb(-2)),
    T.DOUBLE: st.floats(allow_nan=False, width=32).map(float),
    T.FLOAT: st.floats(allow_nan=False, width=32).map(float),
    T.DATE: st.dates(),
    T.TIMESTAMP: st.datetimes(),
    T.VARCHAR: st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    T.BLOB: st.binary(max_size=10),
}


@st.composite
def batches(draw, type_):
    """(groups or None, values with None for NULL, number of groups so far), several times."""
    grouped = draw(st.booleans())
    size = 1
    made = []
    for _ in range(draw(st.integers(1, 3))):
        size = draw(st.integers(size, size + 3)) if grouped else 1
        values = draw(st.lists(st.one_of(st.none(), VALUES[type_]), max_size=8))
        groups = draw(st.lists(st.integers(-1, size - 1), min_size=len(values), max_size=len(values)))
        made.append((groups if grouped else None, values, size))
    return made


def vector_of(values, type_):
    return Vector.from_arrow(pa.array(values, T.arrow_type(type_)), type_)


def accumulate(op, state, type_, made):
    accumulator = make_accumulator(op, state)
    for groups, values, size in made:
        given_groups = None if groups is None else np.array(groups, np.int64)
        accumulator.update(given_groups, size, [vector_of(values, type_)], len(values))
    assert accumulator.nbytes >= 0
    result = accumulator.result(made[-1][2])
    assert result.type == state
    assert len(result) == made[-1][2]
    return result.arrow().to_pylist()


def per_group(made):
    """All values of each group in order, NULLs included."""
    lists = [[] for _ in range(made[-1][2])]
    for groups, values, _ in made:
        for i, value in enumerate(values):
            group = 0 if groups is None else groups[i]
            if group >= 0:
                lists[group].append(value)
    return lists


def present(values):
    return [value for value in values if value is not None]


typed_batches = st.sampled_from(list(VALUES)).flatmap(lambda t: st.tuples(st.just(t), batches(t)))


@given(typed_batches)
def test_count_and_first(case):
    type_, made = case
    lists = per_group(made)
    assert accumulate(StateOp.COUNT, T.BIGINT, type_, made) == [len(present(each)) for each in lists]
    assert accumulate(StateOp.COUNT_ALL, T.BIGINT, type_, made) is not None
    assert accumulate(StateOp.ANY, type_, type_, made) == [next(iter(present(each)), None) for each in lists]
    row = T.struct_of([("value", type_)])
    assert accumulate(StateOp.FIRST, row, type_, made) == [{"value": each[0]} if each else None for each in lists]
    assert accumulate(StateOp.LAST, row, type_, made) == [{"value": each[-1]} if each else None for each in lists]


@given(typed_batches)
def test_min_and_max(case):
    type_, made = case
    key = (lambda s: s.encode()) if type_ == T.VARCHAR else None
    lists = [present(each) for each in per_group(made)]
    assert accumulate(StateOp.MIN, type_, type_, made) == [min(each, key=key, default=None) for each in lists]
    assert accumulate(StateOp.MAX, type_, type_, made) == [max(each, key=key, default=None) for each in lists]


EXACT = {
    T.TINYINT: T.HUGEINT,
    T.BIGINT: T.HUGEINT,
    T.UBIGINT: T.HUGEINT,
    T.HUGEINT: T.HUGEINT,
    T.decimal(12, 2): T.decimal(38, 2),
    T.decimal(38, 2): T.decimal(38, 2),
}


@given(st.sampled_from(list(EXACT)).flatmap(lambda t: st.tuples(st.just(t), batches(t))))
def test_exact_sum(case):
    type_, made = case
    with decimal.localcontext(prec=60):
        expected = [sum(map(D, present(each))) if present(each) else None for each in per_group(made)]
        assert accumulate(StateOp.SUM, EXACT[type_], type_, made) == expected


@given(batches(T.DOUBLE))
def test_float_sum_is_in_row_order(made):
    # All rows as one group go to eight lanes in turn.
    lanes = 1 if made[0][0] is not None else 8
    expected = []
    for each in per_group(made):
        total = 0.0
        for lane in range(lanes):
            part = 0.0
            for value in present(each)[lane::lanes]:
                part += value
            total += part
        expected.append(total if present(each) else None)
    # As text, where one NaN is like another.
    assert str(accumulate(StateOp.SUM, T.DOUBLE, T.DOUBLE, made)) == str(expected)


def test_sum_of_counts_stays_bigint():
    assert accumulate(StateOp.SUM, T.BIGINT, T.BIGINT, [([0, 1, 0], [1, 2, 3], 3)]) == [4, 2, None]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("groups", [None, [0, 0]])
def test_sum_out_of_range_is_an_error(sign, groups):
    with pytest.raises(OutOfRangeError, match="BIGINT"):
        accumulate(StateOp.SUM, T.BIGINT, T.BIGINT, [(groups, [sign * (2**63 - 1), sign * 2], 1)])
    with pytest.raises(OutOfRangeError, match="HUGEINT"):
        accumulate(StateOp.SUM, T.HUGEINT, T.HUGEINT, [(groups, [D(sign * BIG), D(sign)], 1)])
    with pytest.raises(OutOfRangeError, match="DECIMAL"):
        accumulate(StateOp.SUM, T.decimal(38, 0), T.decimal(38, 0), [(groups, [D(sign * BIG)] * 2, 1)])
    edge = [D(sign * (BIG - 1)), D(sign)]
    assert accumulate(StateOp.SUM, T.HUGEINT, T.HUGEINT, [(groups, edge, 1)]) == [D(sign * BIG)]


def test_nan_is_greatest_and_keeps_out_of_min():
    made = [([0, 0, 0, 1], [float("nan"), 1.0, float("inf"), float("nan")], 2)]
    assert accumulate(StateOp.MIN, T.DOUBLE, T.DOUBLE, made)[0] == 1.0
    assert [np.isnan(x) for x in accumulate(StateOp.MAX, T.DOUBLE, T.DOUBLE, made)] == [True, True]


@pytest.mark.parametrize("type_", [T.FLOAT, T.DOUBLE])
@given(values=st.lists(st.sampled_from([0.0, -0.0, 1.5, -2.0, float("nan"), float("inf"), -float("inf")]), min_size=1))
def test_extremes_of_all_rows_are_those_of_one_group(type_, values):
    for op in (StateOp.MIN, StateOp.MAX):
        grouped, alone = make_accumulator(op, type_), make_accumulator(op, type_)
        grouped.update(np.zeros(len(values), np.int64), 1, [vector_of(values, type_)], len(values))
        alone.update(None, 1, [vector_of(values, type_)], len(values))
        assert repr(alone.result(1).arrow().to_pylist()) == repr(grouped.result(1).arrow().to_pylist())


def test_intervals_compare_normalized_and_come_back_unchanged():
    made = [([0, 0, 0], [pa.MonthDayNano(v) for v in ([0, 29, 0], [0, 31, 0], [1, 0, 0])], 2)]
    assert accumulate(StateOp.MAX, T.INTERVAL, T.INTERVAL, made) == [pa.MonthDayNano([0, 31, 0]), None]
    assert accumulate(StateOp.MIN, T.INTERVAL, T.INTERVAL, made) == [pa.MonthDayNano([0, 29, 0]), None]


@pytest.mark.parametrize("groups", [None, np.array([0, 1, -1])])
@pytest.mark.parametrize("value", [7, None])
def test_constant_arguments(groups, value):
    constant = Vector.from_literal(value, T.BIGINT)
    expected = {StateOp.SUM: [21] if groups is None else [7, 7], StateOp.MIN: [7], StateOp.ANY: [7]}
    for op, result in expected.items():
        state = T.HUGEINT if op is StateOp.SUM else T.BIGINT
        accumulator = make_accumulator(op, state)
        accumulator.update(groups, 1 if groups is None else 2, [constant], 3)
        got = accumulator.result(1 if groups is None else 2).arrow().to_pylist()
        wanted = result if groups is None else [7, 7]
        assert got == (wanted if value is not None else [None] * len(wanted))


SIMPLE = (StateOp.COUNT, StateOp.COUNT_ALL, StateOp.SUM, StateOp.MIN, StateOp.MAX, StateOp.ANY)


@pytest.mark.parametrize("op", SIMPLE)
def test_no_rows_at_all(op):
    for type_ in (T.BIGINT, T.DOUBLE, T.VARCHAR, T.NULL):
        if op is StateOp.SUM and type_ in (T.VARCHAR, T.NULL):
            continue
        state = T.BIGINT if op in (StateOp.COUNT, StateOp.COUNT_ALL) else type_
        accumulator = make_accumulator(op, state)
        empty = vector_of([], type_)
        accumulator.update(None, 1, [empty], 0)
        accumulator.update(np.empty(0, np.int64), 2, [empty], 0)
        expected = 0 if state == T.BIGINT and op in (StateOp.COUNT, StateOp.COUNT_ALL) else None
        assert accumulator.result(2).arrow().to_pylist() == [expected] * 2
        assert accumulator.result(0).arrow().to_pylist() == []


def test_dictionary_encoded_text():
    vector = Vector.from_arrow(pa.array(["b", "a", None, "c"]).dictionary_encode(), T.VARCHAR)
    for op, expected in ((StateOp.MIN, ["b", "a"]), (StateOp.MAX, ["b", "c"]), (StateOp.ANY, ["b", "a"])):
        accumulator = make_accumulator(op, T.VARCHAR)
        accumulator.update(np.array([0, 1, 0, 1]), 2, [vector], 4)
        assert accumulator.result(2).arrow().to_pylist() == expected


def test_extremes_of_lists_are_refused():
    with pytest.raises(NotSupportedError, match=r"MIN of INTEGER\[\]"):
        make_accumulator(StateOp.MIN, T.list_of(T.INTEGER))


def states_of(type_):
    """(operation, type of its state) of everything that can be kept of `type_`."""
    row = T.struct_of([("value", type_)])
    yield from ((StateOp.COUNT, T.BIGINT), (StateOp.ANY, type_), (StateOp.FIRST, row), (StateOp.LAST, row))
    yield from ((StateOp.MIN, type_), (StateOp.MAX, type_))
    if type_.is_integer:
        yield from ((op, type_) for op in (StateOp.BIT_AND, StateOp.BIT_OR, StateOp.BIT_XOR))
    if type_ in EXACT:
        yield StateOp.SUM, EXACT[type_]
    if T.words_dtype(type_) is not None and not (type_.is_unscaled and type_.precision > 18) and type_ != T.HUGEINT:
        pair = T.struct_of([("value", type_), ("key", type_)])
        yield from ((StateOp.ARG_MIN, pair), (StateOp.ARG_MAX, pair))


@given(typed_batches)
def test_merged_states_are_those_of_all_rows(case):
    type_, made = case
    size = made[-1][2]
    for op, state in states_of(type_):
        whole, merged = make_accumulator(op, state), make_accumulator(op, state)
        for groups, values, count in made:
            vector = vector_of(values, type_)
            arguments = [vector, vector] if op in (StateOp.ARG_MIN, StateOp.ARG_MAX) else [vector]
            given_groups = np.zeros(len(values), np.int64) if groups is None else np.array(groups, np.int64)
            part = make_accumulator(op, state)
            part.update(given_groups, count, arguments, len(values))
            whole.update(given_groups, count, arguments, len(values))
            merged.merge(np.arange(count), count, part.result(count), count)
        assert merged.result(size).arrow().to_pylist() == whole.result(size).arrow().to_pylist(), op
