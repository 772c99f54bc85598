"""Whether a sum of doubles has one bit pattern, whoever computes it: schedulers, worker counts, repeated runs."""

from __future__ import annotations

import argparse
import itertools
import struct
from collections import Counter
from pathlib import Path

import sqlengine
from bench.report import format_table
from bench.tpch.data import ensure_data

SQL = """
SELECT sum(CAST(l_extendedprice AS DOUBLE) * CAST(l_discount AS DOUBLE)) AS total,
       avg(CAST(l_extendedprice AS DOUBLE) * CAST(l_tax AS DOUBLE)) AS mean
FROM lineitem"""
WORKERS = (1, 2, 3, 5)
SCHEDULERS = ("inline", "threads", "processes")


def main(arguments: list[str]) -> int:
    """`python -m bench same`: exit code 1 when bit patterns differ."""
    parser = argparse.ArgumentParser(prog="python -m bench same", description=__doc__)
    parser.add_argument("--sf", type=float, default=1.0)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--data", type=Path, default=None, help="a folder with TPC-H Parquet files")
    parser.add_argument("--beside", action="store_true", help="also count the patterns of DuckDB")
    options = parser.parse_args(arguments)
    folder = ensure_data(options.sf, options.data)
    own = sqlengine_patterns(folder, options.runs)
    rows = [["sqlengine", str(sum(own.values())), str(len(own))]]
    if options.beside:
        theirs = _duckdb_patterns(folder, options.runs)
        rows.append(["duckdb", str(sum(theirs.values())), str(len(theirs))])
    print(format_table(["engine", "runs", "bit patterns"], rows))
    return 0 if len(own) == 1 else 1


def sqlengine_patterns(folder: Path, runs: int) -> Counter[str]:
    """How often each bit pattern came, over `runs` runs spread over all schedulers and worker counts."""
    patterns: Counter[str] = Counter()
    variants = itertools.cycle(itertools.product(SCHEDULERS, WORKERS))
    for scheduler, workers in itertools.islice(variants, runs):
        with sqlengine.connect(folder, scheduler=scheduler, workers=workers, inline_bytes=0) as connection:
            patterns[_bits(connection.execute(SQL).fetchall()[0])] += 1
    return patterns


def _duckdb_patterns(folder: Path, runs: int) -> Counter[str]:
    import duckdb

    patterns: Counter[str] = Counter()
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW lineitem AS FROM '{folder}/lineitem.parquet'")
        for _ in range(runs):
            row = connection.execute(SQL).fetchone()
            assert row is not None
            patterns[_bits(row)] += 1
    return patterns


def _bits(row: tuple[float, ...]) -> str:
    return struct.pack(f"<{len(row)}d", *row).hex()
