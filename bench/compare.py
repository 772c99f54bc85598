"""Two runs side by side: what became faster, what slower, relative to the same engine then and now."""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from bench.report import format_table, geometric_mean


def main(arguments: list[str]) -> int:
    """`python -m bench compare OLD.json NEW.json`."""
    parser = argparse.ArgumentParser(prog="python -m bench compare", description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    options = parser.parse_args(arguments)
    old, new = (json.loads(path.read_text()) for path in (options.old, options.new))
    print(compare(old, new))
    return 0


def compare(old: dict[str, Any], new: dict[str, Any]) -> str:
    """A table of new time / old time for each engine and query both runs have; below 1 is faster now."""
    engines = [name for name in new["times"] if name in old["times"]]
    queries = list(dict.fromkeys(query for name in engines for query in new["times"][name]))
    rows, ratios = [], {name: [] for name in engines}  # type: dict[str, list[float]]
    for query in queries:
        cells = [query]
        for name in engines:
            before, after = (run["times"][name].get(query) for run in (old, new))
            if not before or not after:
                cells.append("-")
                continue
            ratios[name].append(statistics.median(after) / statistics.median(before))
            cells.append(f"{ratios[name][-1]:.2f}")
        rows.append(cells)
    means = [f"{geometric_mean(ratios[name]):.2f}" if ratios[name] else "-" for name in engines]
    rows.append(["geometric mean", *means])
    table = format_table(["new / old", *engines], rows)
    differing = [
        f"{key}: {old['machine'].get(key)} then, {new['machine'].get(key)} now"
        for key in ("commit", "cpu", "cores", "python")
        if old["machine"].get(key) != new["machine"].get(key)
    ]
    return "\n".join([table, *differing])
