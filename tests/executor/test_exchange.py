"""Both exchanges: what is read is what was written; segments keep dictionaries, and go to disk when memory is full."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from sqlengine.batch import Batch
from sqlengine.errors import InternalError, OperationalError
from sqlengine.executor import segments
from sqlengine.executor.coalesce import coalesce
from sqlengine.executor.exchange import Exchange, LocalExchange
from sqlengine.executor.segments import SegmentExchange
from sqlengine.planner.expressions import Column
from sqlengine.types import SqlType, TypeKind, decimal
from sqlengine.vector import Vector

BIGINT = SqlType(TypeKind.BIGINT)
VARCHAR = SqlType(TypeKind.VARCHAR)
NUMBER, TEXT = Column(7, "n", BIGINT), Column(3, "t", VARCHAR)


@pytest.fixture(params=["local", "segments"])
def exchange(request: pytest.FixtureRequest, tmp_path: Path) -> Exchange:
    return LocalExchange() if request.param == "local" else SegmentExchange([tmp_path])


def batch(numbers: list[int | None], texts: pa.Array) -> Batch:
    return Batch(
        len(numbers),
        {7: Vector.from_arrow(pa.array(numbers, pa.int64()), BIGINT), 3: Vector.from_arrow(texts, VARCHAR)},
    )


def values(batches: list[Batch], column: int) -> list[object]:
    return [v for b in batches for v in b.column(column).expand(b.length).arrow().to_pylist()]


def test_pieces_come_back_by_bucket_and_whole(exchange: Exchange) -> None:
    one, two, three = (batch([k, None], pa.array([str(k), None])) for k in (1, 2, 3))
    size = exchange.write(4, 0, [NUMBER, TEXT], [[one, two], [], [three]])
    assert size > 0
    assert values(exchange.read(4, 0, 0, [NUMBER, TEXT]), 7) == [1, None, 2, None]
    assert exchange.read(4, 0, 1, [NUMBER, TEXT]) == []
    assert values(exchange.read(4, 0, 2, [TEXT]), 3) == ["3", None]
    assert exchange.read(4, 0, 2, [TEXT])[0].ids == (3,)
    assert values(exchange.read(4, 0, None, [TEXT, NUMBER]), 3) == ["1", None, "2", None, "3", None]


@pytest.mark.parametrize(
    "arrays",
    [
        pytest.param([pa.array(["a", "b"] * 50).dictionary_encode()] * 2, id="one dictionary"),
        pytest.param([pa.array(w * 50).dictionary_encode() for w in (["a", "b"], ["b", "c"])], id="different"),
        pytest.param([pa.array(["a", None] * 50).dictionary_encode(), pa.array(["x", "y"] * 50)], id="mixed"),
        pytest.param([pa.array([f"{k}" for k in range(100)]).dictionary_encode()] * 2, id="too large to pay"),
        pytest.param([pa.array(["a", "b", "c", "d"] * 30).dictionary_encode().slice(3, 100)] * 2, id="sliced"),
    ],
)
def test_dictionaries(exchange: Exchange, arrays: list[pa.Array]) -> None:
    batches = [batch(list(range(100)), array) for array in arrays]
    exchange.write(0, 0, [NUMBER, TEXT], [batches[:1], batches[1:]])
    expected = [value for array in arrays for value in array.to_pylist()]
    read = exchange.read(0, 0, None, [NUMBER, TEXT])
    assert values(read, 3) == expected
    assert values(exchange.read(0, 0, 1, [TEXT]), 3) == expected[100:]


def test_small_dictionary_stays_encoded_in_a_segment(tmp_path: Path) -> None:
    exchange = SegmentExchange([tmp_path])
    encoded = [pa.array(w * 50).dictionary_encode() for w in (["a", "b"], ["b", "c"])]
    exchange.write(0, 0, [TEXT], [[batch([0] * 100, array) for array in encoded]])
    assert all(b.column(3).dictionary() is not None for b in exchange.read(0, 0, None, [TEXT]))


def test_constants_words_and_wide_values(exchange: Exchange) -> None:
    columns = [
        Column(0, "constant", VARCHAR),
        Column(1, "words", decimal(10, 2)),
        Column(2, "wide", decimal(38, 0)),
        Column(3, "flag", SqlType(TypeKind.BOOLEAN)),
    ]
    wide = [Decimal(10**37), None, Decimal(-1)]
    written = Batch(
        3,
        {
            0: Vector.from_literal("x", VARCHAR),
            1: Vector.from_values(np.array([150, 0, -1]), np.array([True, False, True]), decimal(10, 2)),
            2: Vector.from_arrow(pa.array(wide, pa.decimal128(38, 0)), decimal(38, 0)),
            3: Vector.from_values(np.array([True, False, True]), None, SqlType(TypeKind.BOOLEAN)),
        },
    )
    exchange.write(0, 0, columns, [[written]])
    read = exchange.read(0, 0, None, columns)
    assert values(read, 0) == ["x"] * 3
    assert values(read, 1) == [Decimal("1.50"), None, Decimal("-0.01")]
    assert values(read, 2) == wide
    assert values(read, 3) == [True, False, True]


def test_rows_without_columns_keep_their_number(exchange: Exchange) -> None:
    exchange.write(0, 0, [], [[Batch(5, {}), Batch(2, {})]])
    assert [b.length for b in exchange.read(0, 0, None, [])] == [5, 2]


def test_second_attempt_replaces_the_first(tmp_path: Path) -> None:
    # The first attempt's worker died after publishing and before it could say so.
    for _ in range(2):
        SegmentExchange([tmp_path]).write(0, 0, [NUMBER], [[batch([1, 2], pa.array(["a", "b"]))]])
    assert values(SegmentExchange([tmp_path]).read(0, 0, None, [NUMBER]), 7) == [1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["0-0.arrow"]


def test_dropped_stage_is_gone_but_batches_read_before_live_on(exchange: Exchange, tmp_path: Path) -> None:
    exchange.write(1, 0, [NUMBER], [[batch([1, 2], pa.array(["a", "b"]))]])
    exchange.write(11, 0, [NUMBER], [[batch([3], pa.array(["a"]))]])
    read = exchange.read(1, 0, None, [NUMBER])
    exchange.drop(1)
    assert values(read, 7) == [1, 2]
    assert values(exchange.read(11, 0, None, [NUMBER]), 7) == [3]
    with pytest.raises((InternalError, KeyError)):
        exchange.read(1, 0, None, [NUMBER])


def test_segment_goes_to_disk_when_memory_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory, disk = tmp_path / "memory", tmp_path / "disk"
    memory.mkdir()
    disk.mkdir()
    monkeypatch.setattr(segments, "free_bytes", lambda directory: 0)
    exchange = SegmentExchange([memory, disk])
    exchange.write(0, 0, [NUMBER], [[batch([1, 2] * 10_000, pa.nulls(20_000))]])
    assert list(memory.iterdir()) == []
    assert values(exchange.read(0, 0, None, [NUMBER]), 7) == [1, 2] * 10_000


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="needs /dev/full")
def test_no_room_anywhere_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = pa.OSFile
    monkeypatch.setattr(segments.pa, "OSFile", lambda path, mode: real("/dev/full", mode))
    with pytest.raises(OperationalError, match=f"no room for intermediate results in {tmp_path}"):
        SegmentExchange([tmp_path / "query"]).write(0, 0, [NUMBER], [[batch([1] * 100_000, pa.nulls(100_000))]])


def test_coalesce_joins_small_and_cuts_large() -> None:
    lengths = [0, 3, 4, 2, 60, 1, 250, 5, 30, 30, 30, 30]
    numbers = iter(range(sum(lengths)))
    batches = [batch([next(numbers) for _ in range(n)], pa.nulls(n, pa.string())) for n in lengths]
    joined = list(coalesce(batches, [7], 100))
    assert [b.length for b in joined] == [9, 60, 1, 100, 100, 50, 95, 30]
    assert values(joined, 7) == list(range(sum(lengths)))
    assert joined[1].column(7) is batches[4].column(7)
