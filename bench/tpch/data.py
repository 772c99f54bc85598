"""TPC-H tables as Parquet, made once a scale factor, and the queries' text."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")
QUERIES = tuple(f"Q{number}" for number in range(1, 23))
FOLDER = Path(__file__).resolve().parents[1] / "data"


def read_query(name: str) -> str:
    """The SQL of a query, with validation parameters (TPC-H specification 3.0.1, section 2.4)."""
    return (Path(__file__).parent / "queries" / f"q{int(name[1:]):02}.sql").read_text()


def ensure_data(scale: float, folder: Path | None = None) -> Path:
    """The folder with the eight Parquet files of a scale factor; they are made if missing.

    Parameters
    ----------
    scale
        1 is about 360 MB of Parquet, 6 million rows in `lineitem`.
    folder
        Use the files in this folder, which must be complete, instead of `bench/data/tpch-sf<scale>`.
    """
    target = FOLDER / f"tpch-sf{scale:g}" if folder is None else folder
    missing = [table for table in TABLES if not (target / f"{table}.parquet").exists()]
    if not missing:
        return target
    if folder is not None:
        raise SystemExit(f"{folder}: no {', '.join(f'{table}.parquet' for table in missing)}")
    # Made beside and renamed, so that an interrupted run is not taken for a complete one.
    part = target.with_name(target.name + ".part")
    part.mkdir(parents=True, exist_ok=True)
    program = Path(sys.executable).with_name("tpchgen-cli")
    command = [str(program), "parquet", "-s", f"{scale:g}", "--output-dir", str(part), "--quiet", "--overwrite"]
    try:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    except FileNotFoundError:
        raise SystemExit("tpchgen-cli is missing; install the extra: pip install -e '.[bench]'") from None
    os.rename(part, target)
    return target
