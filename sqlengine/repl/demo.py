"""`sqlengine demo`: something to query, and the first queries."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlengine import errors

QUESTIONS: Final = (
    (
        "Which part of the trips took more than 20 minutes, month by month?",
        """\
SELECT month(pickup_at) AS month, count(*) AS trips,
       avg(CASE WHEN dropoff_at > pickup_at + INTERVAL 20 MINUTE THEN 1 ELSE 0 END) AS over_20_minutes
FROM trips
GROUP BY month(pickup_at)
ORDER BY month;""",
    ),
    (
        "And in the whole year?",
        """\
SELECT count(*) AS trips,
       avg(CASE WHEN dropoff_at > pickup_at + INTERVAL 20 MINUTE THEN 1 ELSE 0 END) AS over_20_minutes
FROM trips;""",
    ),
    (
        "What are the busiest hours of the day?",
        """\
SELECT hour(pickup_at) AS hour, count(*) AS trips, avg(fare) AS mean_fare
FROM trips
GROUP BY hour(pickup_at)
ORDER BY trips DESC
LIMIT 5;""",
    ),
    (
        "Where do the best tips come from?",
        """\
SELECT z.borough, count(*) AS trips, sum(t.tip) / sum(t.fare) AS tip_share
FROM trips t JOIN zones z ON t.pickup_zone = z.zone_id
WHERE t.payment_type <> 'cash'
GROUP BY z.borough
ORDER BY tip_share DESC;""",
    ),
)


def main(argv: Sequence[str]) -> int:
    """Write the files if needed, ask the questions, show the plan of the last one; the exit code."""
    parser = argparse.ArgumentParser(
        prog="sqlengine demo", description="Write a year of taxi trips (1 million rows, 70 MB) and query them."
    )
    parser.add_argument("folder", nargs="?", default="sqlengine-demo", help="default: ./sqlengine-demo")
    parser.add_argument("--rows", type=int, default=None, metavar="N", help="trips in the year (default: 1,000,000)")
    options = parser.parse_args(argv)
    folder = Path(options.folder)
    from sqlengine.repl import trips

    rows = trips.ROWS if options.rows is None else options.rows
    if rows < 1:
        parser.error("--rows must be at least 1")
    started = time.perf_counter()
    try:
        written = trips.write_trips(folder, rows)
    except OSError as error:
        print(f"cannot write the demo into {folder}: {error.strerror or error}", file=sys.stderr)
        return 1
    done = (
        f"wrote {rows:,} trips in {time.perf_counter() - started:.1f} s" if written else "the files are there already"
    )
    print(f"{folder}/trips/*.csv, {folder}/zones.parquet: {done}\n", flush=True)
    return _ask(folder)


def _ask(folder: Path) -> int:
    from sqlengine import connect
    from sqlengine.repl.output import standard_output

    output = standard_output("table")
    with connect(folder) as connection:
        explained = f"EXPLAIN {QUESTIONS[-1][1]}"
        for question, sql in (*QUESTIONS, ("How was that last answer found?", explained)):
            print(f"-- {question}\n{sql}", flush=True)
            started = time.perf_counter()
            try:
                cursor = connection.execute(sql)
            except errors.Error as error:
                print(errors.render(error, sql), file=sys.stderr)
                return 1
            seconds = time.perf_counter() - started
            note = output.show(cursor)
            print(f"{seconds:.3f} s\n" if sql is explained else f"{note}, {seconds:.3f} s\n", flush=True)
    print(f"Go on with:  sqlengine {folder}")
    return 0
