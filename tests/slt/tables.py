"""The tables that the SQL scripts speak of: small, fixed seed, with every awkward value the types have."""

from __future__ import annotations

import datetime
import decimal
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

WORDS = ("apple", "banana", "cherry", "Äpfel", "naïve", "日本", "", "a%b", "a_b", "x'y", " pad ", "Zebra", "😀ok")
CITIES = ("Berlin", "Paris", "Rome", "Oslo", None)
REGIONS = ("north", "south", "east", "west")


def tables() -> dict[str, pa.Table]:
    """Name -> table; the same on every call."""
    return {
        "numbers": _numbers(),
        "words": _words(),
        "employees": _employees(),
        "departments": _departments(),
        "sales": _sales(),
        "moments": _moments(),
        "nothing": _employees().slice(0, 0),
    }


def write_folder(folder: Path, partitions: int) -> Path:
    """Write every table into `folder`, each as a sub-folder of `partitions` Parquet files; `departments` as CSV."""
    for name, table in tables().items():
        if name == "departments":
            pyarrow.csv.write_csv(table, folder / "departments.csv")
            continue
        target = folder / name
        target.mkdir(parents=True)
        rows = -(-table.num_rows // partitions) or 1
        for number in range(partitions):
            piece = table.slice(number * rows, rows)
            if number == 0 or piece.num_rows:
                pyarrow.parquet.write_table(piece, target / f"part-{number:02}.parquet", row_group_size=40)
    return folder


def _numbers() -> pa.Table:
    rng = random.Random(1)
    n = 120
    ints = [rng.choice([None, 0, 1, -1, 2, 3, 7, 100, -100, 2147483647, -2147483648]) for _ in range(n)]
    bigs = [rng.choice([None, 0, 1, -5, 9223372036854775807, -9223372036854775808, 1 << 40]) for _ in range(n)]
    small = [rng.choice([None, -128, 127, 0, 5]) for _ in range(n)]
    doubles = [
        rng.choice([None, 0.0, -0.0, 1.5, -2.25, 1e300, 1e-300, float("nan"), float("inf"), -float("inf"), 0.1])
        for _ in range(n)
    ]
    plain = [None if rng.random() < 0.1 else round(rng.uniform(-50, 50), 3) for _ in range(n)]
    decimals = [
        None if rng.random() < 0.1 else decimal.Decimal(rng.randint(-99999, 99999)).scaleb(-2) for _ in range(n)
    ]
    wide = [
        rng.choice(
            [None, decimal.Decimal("12345678901234567890123.456789"), decimal.Decimal("-0.000001"), decimal.Decimal(7)]
        )
        for _ in range(n)
    ]
    return pa.table(
        {
            "id": pa.array(range(n), pa.int32()),
            "i": pa.array(ints, pa.int32()),
            "big": pa.array(bigs, pa.int64()),
            "tiny": pa.array(small, pa.int8()),
            "u": pa.array([None if rng.random() < 0.1 else rng.randint(0, 65535) for _ in range(n)], pa.uint16()),
            "d": pa.array(doubles, pa.float64()),
            "p": pa.array(plain, pa.float64()),
            "f": pa.array([None if v is None else v / 2 for v in plain], pa.float32()),
            "dec": pa.array(decimals, pa.decimal128(10, 2)),
            "wide": pa.array(wide, pa.decimal128(38, 6)),
            "flag": pa.array([rng.choice([True, False, None]) for _ in range(n)], pa.bool_()),
            "grp": pa.array([rng.choice(["a", "b", "c", None]) for _ in range(n)], pa.string()),
        }
    )


def _words() -> pa.Table:
    rng = random.Random(2)
    n = 60
    return pa.table(
        {
            "id": pa.array(range(n), pa.int64()),
            "s": pa.array([rng.choice((*WORDS, None)) for _ in range(n)], pa.string()),
            "t": pa.array(
                [None if rng.random() < 0.1 else f"{rng.choice(WORDS)}-{rng.randint(0, 20)}" for _ in range(n)]
            ),
            "code": pa.array([rng.choice(["A", "B", "C"]) for _ in range(n)], pa.string()).dictionary_encode(),
        }
    )


def _employees() -> pa.Table:
    rng = random.Random(3)
    n = 45
    hired = [datetime.date(2000, 1, 1) + datetime.timedelta(days=rng.randint(0, 9000)) for _ in range(n)]
    return pa.table(
        {
            "id": pa.array(range(1, n + 1), pa.int32()),
            "name": pa.array([f"{rng.choice(WORDS[:3])}{k}" for k in range(n)], pa.string()),
            "department_id": pa.array([rng.choice([1, 2, 3, 4, 9, None]) for _ in range(n)], pa.int64()),
            "manager_id": pa.array([None if k < 3 else rng.randint(1, k) for k in range(n)], pa.int32()),
            "salary": pa.array(
                [decimal.Decimal(rng.randint(2000, 9000)) + decimal.Decimal("0.50") for _ in range(n)],
                pa.decimal128(12, 2),
            ),
            "hired": pa.array([None if rng.random() < 0.05 else day for day in hired], pa.date32()),
            "active": pa.array([rng.random() < 0.7 for _ in range(n)], pa.bool_()),
        }
    )


def _departments() -> pa.Table:
    return pa.table(
        {
            "id": pa.array([1, 2, 3, 4, 5], pa.int64()),
            "name": pa.array(["Sales", "Research", "Support", "Finance", "Empty"], pa.string()),
            "city": pa.array(CITIES, pa.string()),
        }
    )


def _sales() -> pa.Table:
    rng = random.Random(4)
    n = 600
    return pa.table(
        {
            "id": pa.array(range(n), pa.int64()),
            "employee_id": pa.array(
                [None if rng.random() < 0.05 else rng.randint(1, 60) for _ in range(n)], pa.int32()
            ),
            "day": pa.array(
                [datetime.date(2023, 1, 1) + datetime.timedelta(days=k // 2) for k in range(n)], pa.date32()
            ),
            "amount": pa.array(
                [decimal.Decimal(rng.randint(1, 500000)).scaleb(-2) for _ in range(n)], pa.decimal128(15, 2)
            ),
            "discount": pa.array(
                [decimal.Decimal(rng.randint(0, 10)).scaleb(-2) for _ in range(n)], pa.decimal128(15, 2)
            ),
            "quantity": pa.array([rng.randint(1, 50) for _ in range(n)], pa.int32()),
            "weight": pa.array(
                [None if rng.random() < 0.1 else round(rng.expovariate(0.1), 4) for _ in range(n)], pa.float64()
            ),
            "region": pa.array([rng.choice(REGIONS) for _ in range(n)], pa.string()),
        }
    )


def _moments() -> pa.Table:
    rng = random.Random(5)
    n = 80
    base = datetime.datetime(1999, 12, 28, 23, 59, 50)
    stamps = [
        base + datetime.timedelta(seconds=rng.randint(-(10**9), 10**9), microseconds=rng.randint(0, 999999))
        for _ in range(n)
    ]
    special = [
        datetime.datetime(2000, 2, 29),
        datetime.datetime(1969, 12, 31, 23, 59, 59, 999999),
        datetime.datetime(2024, 12, 31, 23, 59, 59),
    ]
    stamps[: len(special)] = special
    return pa.table(
        {
            "id": pa.array(range(n), pa.int32()),
            "ts": pa.array([None if rng.random() < 0.05 else s for s in stamps], pa.timestamp("us")),
            "day": pa.array([None if rng.random() < 0.05 else s.date() for s in stamps], pa.date32()),
            "tod": pa.array([s.time() for s in stamps], pa.time64("us")),
            "later": pa.array(
                [s + datetime.timedelta(days=rng.randint(0, 400), seconds=rng.randint(0, 86399)) for s in stamps],
                pa.timestamp("us"),
            ),
        }
    )
