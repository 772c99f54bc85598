"""Small tables full of awkward values."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet

INT_TYPES = {
    "int8": (-128, 127),
    "int16": (-32768, 32767),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint8": (0, 255),
    "uint16": (0, 65535),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
DECIMALS = ((4, 1), (9, 2), (18, 3), (20, 0), (30, 6), (38, 2))
DOUBLES = (0.0, -0.0, 1.5, -2.25, 0.1, 3.0, -1.0, 1e10, 5e-324, float("nan"), float("inf"), -float("inf"))
TEXTS = ("", "a", "b", "ab", "Ab", "a%b", "a_b", "ä", "日本", "😀", "x'y", " a ", "12", "-3.5", "2020-02-29", "true")
DATES = ("1969-12-31", "1970-01-01", "1999-12-31", "2000-02-29", "2020-01-31", "2024-02-29", "2024-12-31", "0001-01-01")
STAMPS = (
    "1969-12-31 23:59:59.999999",
    "1970-01-01 00:00:00",
    "2000-02-29 12:34:56.789",
    "2020-01-31 00:00:00",
    "2024-02-29 23:59:59.999999",
    "2024-12-31 01:02:03",
)

# Family of each column: what expressions may do with it.
FAMILIES = {
    "k": "int",
    "i": "int",
    "d": "double",
    "n": "decimal",
    "s": "text",
    "b": "bool",
    "day": "date",
    "ts": "stamp",
}


def tables(rng: Random, max_rows: int = 10) -> dict[str, pa.Table]:
    """Two tables `t` and `u` of the columns of `FAMILIES`, of differing types within each family."""
    return {name: table(rng, max_rows) for name in ("t", "u")}


def table(rng: Random, max_rows: int) -> pa.Table:
    """Up to `max_rows` rows, most values from pools so small that they repeat; a sixth of them NULL."""
    int_type = rng.choice(sorted(INT_TYPES))
    low, high = INT_TYPES[int_type]
    precision, scale = rng.choice(DECIMALS)
    # Leaves room for a sum, and for no sum of floats that cancels to noise.
    low_digits = -(10 ** min(precision, 9)) + 1
    with decimal.localcontext(prec=40):
        decimals = [
            decimal.Decimal(n).scaleb(-scale)
            for n in (0, 1, -1, 15, -15, 1000, 10 ** min(precision, 36) - 1, low_digits)
        ]
    columns: dict[str, tuple[pa.DataType, list[object]]] = {
        "k": (rng.choice((pa.int32(), pa.int64())), [0, 1, 2, 3]),
        "i": (getattr(pa, int_type)(), [low, high, 0, 1, 5, 7, high - 1]),
        "d": (pa.float64(), list(DOUBLES)),
        "n": (pa.decimal128(precision, scale), list(decimals)),
        "s": (rng.choice((pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()))), list(TEXTS)),
        "b": (pa.bool_(), [True, False]),
        "day": (pa.date32(), [datetime.date.fromisoformat(text) for text in DATES]),
        "ts": (pa.timestamp("us"), [datetime.datetime.fromisoformat(text) for text in STAMPS]),
    }
    rows = rng.randint(0, max_rows)
    return pa.table(
        {
            name: pa.array([None if rng.random() < 1 / 6 else rng.choice(pool) for _ in range(rows)], type_)
            for name, (type_, pool) in columns.items()
        }
    )


def write(tables: Mapping[str, pa.Table], folder: Path, partitions: int) -> Path:
    """Write each table as a sub-folder of at most `partitions` Parquet files."""
    for name, table in tables.items():
        target = folder / name
        target.mkdir(parents=True)
        rows = -(-table.num_rows // partitions) or 1
        for number in range(partitions):
            piece = table.slice(number * rows, rows)
            if number == 0 or piece.num_rows:
                pyarrow.parquet.write_table(piece, target / f"part-{number}.parquet", row_group_size=2)
    return folder
