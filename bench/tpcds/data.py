"""TPC-DS tables as Parquet and the text of the 99 queries, made once a scale factor.

The generator is an extension of a certain DuckDB, which is not the one that tests compare with; so both are installed
into a folder of their own and run in a process of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "data"

_PACKAGES = ("duckdb==1.5.5", "duckdb-extension-tpcds==1.5.5")
_GENERATOR = """
import glob, json, sys
import duckdb
tools, scale, target = sys.argv[1:]
connection = duckdb.connect(config={"allow_unsigned_extensions": True})
(extension,) = glob.glob(f"{tools}/duckdb_extension_tpcds/extensions/*/tpcds.duckdb_extension")
connection.execute(f"LOAD '{extension}'")
connection.execute(f"CALL dsdgen(sf = {scale})")
for (table,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall():
    connection.execute(f"COPY {table} TO '{target}/{table}.parquet' (FORMAT parquet)")
queries = dict(connection.execute("SELECT query_nr, query FROM tpcds_queries()").fetchall())
with open(f"{target}/queries.json", "w") as file:
    json.dump(queries, file, indent=1)
"""


def ensure_data(scale: float) -> Path:
    """The folder with the 24 Parquet files of a scale factor and `queries.json`; they are made if missing."""
    target = FOLDER / f"tpcds-sf{scale:g}"
    if target.exists():
        return target
    tools = FOLDER / "tpcds-tools"
    if not tools.exists():
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tools), *_PACKAGES]
        subprocess.run(install, check=True)
    # Made beside and renamed, so that an interrupted run is not taken for a complete one.
    part = target.with_name(target.name + ".part")
    part.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", _GENERATOR, str(tools), f"{scale:g}", str(part)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(tools)})
    os.rename(part, target)
    return target


def read_queries(folder: Path) -> dict[int, str]:
    """The SQL of each query, by number, with the parameters of the specification's validation set."""
    texts: dict[str, str] = json.loads((folder / "queries.json").read_text())
    return {int(number): text.strip().rstrip(";") for number, text in texts.items()}
