"""How DuckDB renders intervals and time zones in the names of unnamed columns (see `output_name`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlglot import exp

from sqlengine.planner.bind_literal import FRACTIONAL_UNITS, unit_name

Print = Callable[[Any], str]

_LONG: Final = ("hour", "minute", "microsecond")
_PLURALS: Final = {"century": "centuries", "millennium": "millennia"}


def _interval(node: Any, show: Print) -> str:
    amount, unit = node.this, node.args.get("unit")
    if unit is None:
        return f"CAST({show(amount)} AS INTERVAL)"
    unit = unit_name(unit.name)
    # sqlglot does not tell INTERVAL 3 DAY from INTERVAL '3' DAY.
    text = f"CAST({amount.name if isinstance(amount, exp.Literal) else show(amount)} AS DOUBLE)"
    if unit not in FRACTIONAL_UNITS:
        text = f"CAST(trunc({text}) AS {'BIGINT' if unit in _LONG else 'INTEGER'})"
    return f"to_{_PLURALS.get(unit, f'{unit}s')}({text})"


def _at_time_zone(node: Any, show: Print) -> str:
    return f"timezone({show(node.args['zone'])}, {show(node.this)})"


PRINTERS: Final[dict[type, Callable[[Any, Print], str]]] = {
    exp.Interval: _interval,
    exp.AtTimeZone: _at_time_zone,
}
