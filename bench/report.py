"""Tables of text, ratios, and the JSON file that every run leaves."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, first column to the left, the others to the right."""
    widths = [max(len(row[k]) for row in (header, *rows)) for k in range(len(header))]
    rule = "|".join("-" * (width + 1) + (":" if k else "-") for k, width in enumerate(widths))
    lines = [_line(header, widths), f"|{rule}|", *(_line(row, widths) for row in rows)]
    return "\n".join(lines)


def geometric_mean(values: Sequence[float]) -> float:
    """The mean of ratios: of 2 and 1/2 it is 1."""
    return math.exp(sum(map(math.log, values)) / len(values))


def write_result(kind: str, result: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Write a run's JSON; its path. `result["machine"]` must be `describe_machine()`'s."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = result["machine"]["time"].replace(":", "").replace("+0000", "")
    path = folder / f"{kind}-{stamp}-{result['machine']['commit'] or 'unknown'}.json"
    path.write_text(json.dumps({"kind": kind, **result}, indent=1) + "\n")
    return path


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if k else cell.ljust(width) for k, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"
