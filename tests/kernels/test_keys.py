"""Keys: equal values are equal words, and come back; hashes depend on values only."""

import datetime
import decimal

import duckdb
import numpy as np
import pyarrow as pa
import pytest

import sqlengine.types as T
from sqlengine.executor.keys import KeyEncoder
from sqlengine.kernels.grouping import GroupTable
from sqlengine.kernels.hashing import hash_mask
from sqlengine.kernels.joining import JoinTable
from sqlengine.kernels.strings import StringTable
from sqlengine.types import SqlType, TypeKind
from sqlengine.vector import Vector

D = decimal.Decimal
NAN = float("nan")
STRUCT = SqlType(TypeKind.STRUCT, children=(("a", T.INTEGER), ("b", T.VARCHAR)))

# Per type: a value, NULL, another value, the first again.
CASES = [
    (T.BOOLEAN, [True, None, False, True]),
    (T.TINYINT, [-128, None, 0, -128]),
    (T.INTEGER, [-(2**31), None, 0, -(2**31)]),
    (T.BIGINT, [-(2**63), None, 0, -(2**63)]),
    (T.UBIGINT, [2**64 - 1, None, 0, 2**64 - 1]),
    (T.HUGEINT, [D(10**37), None, D(-1), D(10**37)]),
    (T.HUGEINT, [D(5), None, D(-1), D(5)]),
    (T.decimal(10, 2), [D("1.50"), None, D("-3.00"), D("1.50")]),
    (T.decimal(38, 0), [D(10**38 - 1), None, D(1 - 10**38), D(10**38 - 1)]),
    (T.FLOAT, [1.5, None, -2.0, 1.5]),
    (T.DOUBLE, [1.5, None, float("-inf"), 1.5]),
    (T.DATE, [datetime.date(1960, 1, 1), None, datetime.date(2020, 1, 1), datetime.date(1960, 1, 1)]),
    (T.TIME, [datetime.time(1), None, datetime.time(0), datetime.time(1)]),
    (T.TIMESTAMP, [datetime.datetime(1960, 1, 1), None, datetime.datetime(1970, 1, 1), datetime.datetime(1960, 1, 1)]),
    (T.VARCHAR, ["é", None, "", "é"]),
    (T.BLOB, [b"\xff", None, b"", b"\xff"]),
    (T.INTERVAL, [pa.MonthDayNano([1, 2, 3]), None, pa.MonthDayNano([0, 0, 0]), pa.MonthDayNano([1, 2, 3])]),
    (T.list_of(T.INTEGER), [[1, None], None, [], [1, None]]),
    (T.list_of(T.list_of(T.VARCHAR)), [[["a"], None], None, [[]], [["a"], None]]),
    (STRUCT, [{"a": 1, "b": None}, None, {"a": None, "b": None}, {"a": 1, "b": None}]),
]


def vectors_of(type_, values):
    """The same rows laid out in different ways."""
    arrow = T.arrow_type(type_)
    plain = pa.array(values, arrow)
    yield Vector.from_arrow(plain, type_)
    yield Vector.from_arrow(pa.array([values[2], values[1], *values, None], arrow).slice(2, len(values)), type_)
    if type_.is_text:
        unused = pa.DictionaryArray.from_arrays(
            pa.array([2, None, 1, 4], pa.int32()), pa.array(["zz", values[2], values[0], None, values[0]], arrow)
        )
        yield Vector.from_arrow(unused, type_)
        yield Vector.from_arrow(pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 3], pa.int32()), plain), type_)


@pytest.mark.parametrize(("type_", "values"), CASES, ids=lambda each: str(each) if isinstance(each, SqlType) else "")
def test_keys_group_and_come_back(type_, values):
    hashes = set()
    encoder = KeyEncoder([type_])
    for vector in vectors_of(type_, values):
        words = encoder.encode([vector], 4)
        assert len(words) == encoder.width
        assert all(word.dtype == np.int64 and word.shape == (4,) for word in words)
        groups = GroupTable(encoder.width).assign(words).tolist()
        assert groups == [0, 1, 2, 0]
        (decoded,) = encoder.decode(words)
        assert decoded.type == type_
        assert decoded.arrow().type == T.arrow_type(type_)
        assert decoded.arrow().to_pylist() == values
        found, usable = encoder.find([vector], 4)
        assert [word.tolist() for word in found] == [word.tolist() for word in words]
        assert usable.tolist() == []
        # Another encoder knows nothing of the first one's tables.
        hashes.add(tuple(KeyEncoder([type_]).hash_keys([vector], 4).tolist()))
        if int(hash_mask()):
            assert len(set(KeyEncoder([type_]).hash_keys([vector], 4).tolist())) == 3
    assert len(hashes) == 1


@pytest.mark.parametrize(("type_", "values"), CASES, ids=lambda each: str(each) if isinstance(each, SqlType) else "")
@pytest.mark.parametrize("null_equal", [True, False])
def test_null_matches_null_only_if_asked(type_, values, null_equal):
    encoder = KeyEncoder([type_], null_equal)
    build = Vector.from_arrow(pa.array(values[:3], T.arrow_type(type_)), type_)
    probe = Vector.from_arrow(pa.array([None, values[2], None], T.arrow_type(type_)), type_)
    table = JoinTable.build(encoder.encode([build], 3), encoder.usable([build], 3))
    words, usable = encoder.find([probe], 3)
    pairs = list(zip(*[rows.tolist() for rows in table.probe(words, usable)], strict=True))
    assert pairs == ([(0, 1), (1, 2), (2, 1)] if null_equal else [(1, 2)])


def test_an_equal_dictionary_is_looked_up_once(monkeypatch):
    looked_up = []
    intern = StringTable.intern
    monkeypatch.setattr(StringTable, "intern", lambda table, array: looked_up.append(array) or intern(table, array))
    encoder = KeyEncoder([T.VARCHAR])
    ids = {"b": 0, "a": 1, "c": 2}
    for values, times in ((["b", "a", "b"], 1), (["b", "a", "a"], 1), (["b", "c", "b"], 2), (["b"], 3)):
        (words,) = encoder.encode([Vector.from_arrow(pa.array(values).dictionary_encode(), T.VARCHAR)], len(values))
        assert words.tolist() == [ids[value] for value in values]
        assert len(looked_up) == times


@pytest.mark.parametrize("dictionary", [False, True])
def test_unknown_text_is_unusable_and_not_learned(dictionary):
    encoder = KeyEncoder([T.VARCHAR, T.INTEGER], null_equal=[True, False])
    number = Vector.from_arrow(pa.array([1, 1, 1, None], pa.int32()), T.INTEGER)
    encoder.encode([Vector.from_arrow(pa.array(["a", None, "a", "a"]), T.VARCHAR), number], 4)
    strings = pa.array(["b", None, "a", "a"])
    probe = Vector.from_arrow(strings.dictionary_encode() if dictionary else strings, T.VARCHAR)
    size = encoder.nbytes
    for _ in range(2):
        words, usable = encoder.find([probe, number], 4)
        assert usable.tolist() == [False, True, True, False]
        assert words[0].tolist() == [-2, -1, 0, 0]
    # What was unknown is found once it has been learned, although the dictionary is the same.
    encoder.encode([probe, number], 4)
    assert encoder.find([probe, number], 4)[0][0].tolist() == [1, -1, 0, 0]
    assert encoder.nbytes == size


@pytest.mark.parametrize("type_", [T.FLOAT, T.DOUBLE])
def test_zeros_are_equal_and_so_are_nans(type_):
    values = np.array([0.0, -0.0, NAN, -NAN, 1.0], T.words_dtype(type_))
    vector = Vector.from_values(values, None, type_)
    encoder = KeyEncoder([type_])
    assert GroupTable(1).assign(encoder.encode([vector], 5)).tolist() == [0, 0, 1, 1, 2]
    hashes = encoder.hash_keys([vector], 5)
    assert hashes[0] == hashes[1]
    assert hashes[2] == hashes[3]


def test_width_is_fixed_by_the_types():
    types = [T.BIGINT, T.VARCHAR, T.decimal(38, 2), T.TIMESTAMP, T.INTEGER]
    assert KeyEncoder(types).width == 7
    assert KeyEncoder(types, null_equal=False).width == 6
    assert KeyEncoder([T.BIGINT] * 64).width == 66
    assert KeyEncoder([T.NULL]).width == 1
    assert KeyEncoder([]).hash_keys([], 3).tolist() == [0, 0, 0]


def test_many_nullable_keys_keep_their_own_null_bits():
    encoder = KeyEncoder([T.BIGINT] * 70)
    vectors = [Vector.from_values(np.zeros(70, np.int64), np.arange(70) != k, T.BIGINT) for k in range(70)]
    words = encoder.encode(vectors, 70)
    assert GroupTable(encoder.width).assign(words).tolist() == list(range(70))
    for k, vector in enumerate(encoder.decode(words)):
        assert np.flatnonzero(~vector.valid()).tolist() == [k]


def test_constants_stand_for_every_row():
    encoder = KeyEncoder([T.BIGINT, T.VARCHAR, T.NULL])
    constants = [Vector.from_literal(value, t) for value, t in ((None, T.BIGINT), ("x", T.VARCHAR), (None, T.NULL))]
    words = encoder.encode(constants, 3)
    assert GroupTable(encoder.width).assign(words).tolist() == [0, 0, 0]
    assert [vector.arrow().to_pylist() for vector in encoder.decode(words)] == [[None] * 3, ["x"] * 3, [None] * 3]
    assert len(set(encoder.hash_keys(constants, 3).tolist())) == 1
    assert KeyEncoder([T.BIGINT], False).usable(constants[:1], 3).tolist() == [False] * 3


def test_hash_is_the_same_for_wide_and_narrow_layouts():
    type_ = T.decimal(38, 0)
    narrow = Vector.from_values(np.array([7, -7]), None, type_)
    wide = Vector.from_arrow(pa.array([D(7), D(-7), D(10**30)], T.arrow_type(type_)), type_)
    assert not wide.has_words()
    encoder = KeyEncoder([type_])
    assert encoder.hash_keys([narrow], 2).tolist() == encoder.hash_keys([wide], 3).tolist()[:2]


def test_large_groups_of_text_come_back_dictionary_encoded():
    encoder = KeyEncoder([T.VARCHAR])
    vector = Vector.from_arrow(pa.array(["a", "b", None] * 5), T.VARCHAR)
    (decoded,) = encoder.decode(encoder.encode([vector], 15))
    assert decoded.dictionary() is not None
    assert decoded.arrow().to_pylist() == ["a", "b", None] * 5


def test_intervals_are_equal_where_duckdb_says_so():
    texts = ["1 month", "30 days", "29 days 24 hours", "720 hours", "1 month -1 day", "29 days", "-1 month", "-30 days"]
    texts += ["1 year", "360 days", "12 months", "-1 day 24 hours", "0 days", "1 day -1 second", "23:59:59"]
    connection = duckdb.connect()
    connection.execute("CREATE TABLE intervals AS SELECT unnest(?::INTERVAL[]) AS i", [texts])
    vector = Vector.from_arrow(connection.sql("SELECT i FROM intervals").to_arrow_table().column("i"), T.INTERVAL)
    words = KeyEncoder([T.INTERVAL]).encode([vector], len(texts))[0]
    expected = connection.sql("SELECT a.i = b.i FROM intervals a, intervals b ORDER BY a.rowid, b.rowid").fetchall()
    assert (words[:, None] == words[None, :]).ravel().tolist() == [equal for (equal,) in expected]
