"""Functions whose value is a fact of the session: the time of the query, names, settings."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from sqlengine.errors import InternalError
from sqlengine.functions.overloads import Overload, overload, resolver
from sqlengine.functions.registry import scalar
from sqlengine.functions.session import SessionFacts
from sqlengine.functions.special_text import timetz_words
from sqlengine.types import DATE, NULL, TIME, TIMESTAMP, TIMESTAMPTZ, TIMETZ, VARCHAR, SqlType
from sqlengine.vector import Vector

# By name: what the binder puts in the place of a call.
SESSION_VALUES: Final[dict[str, tuple[SqlType, Callable[[SessionFacts], object]]]] = {}


def _value(
    names: tuple[str, ...],
    sql_type: SqlType,
    value: Callable[[SessionFacts], object],
    example: tuple[str, str],
    summary: str,
) -> None:
    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        raise InternalError(f"{names[0]}() is a constant of the plan")

    overloads = [Overload((), sql_type)]
    scalar(names[0], resolver(names[0], *overloads), aliases=names[1:], example=example, summary=summary)(run)
    for name in names:
        SESSION_VALUES[name] = sql_type, value


def _time_with_zone(facts: SessionFacts) -> int:
    local = facts.local
    since_midnight = local - local.replace(hour=0, minute=0, second=0, microsecond=0)
    ahead = local.replace(tzinfo=datetime.UTC) - facts.instant
    micros, offset = since_midnight // datetime.timedelta(microseconds=1), round(ahead.total_seconds())
    return int(timetz_words(np.array([micros]), np.array([offset]))[0])


_value(
    ("get_current_timestamp", "now", "current_timestamp", "transaction_timestamp"),
    TIMESTAMPTZ,
    lambda facts: facts.instant,
    ("SELECT typeof(now())", "TIMESTAMP WITH TIME ZONE"),
    "The instant at which the query began.",
)
_value(
    ("current_date", "today"),
    DATE,
    lambda facts: facts.local.date(),
    ("SELECT typeof(today())", "DATE"),
    "The date on which the query began, in the session's time zone.",
)
_value(
    ("current_localtimestamp", "localtimestamp"),
    TIMESTAMP,
    lambda facts: facts.local,
    ("SELECT typeof(current_localtimestamp())", "TIMESTAMP"),
    "When the query began, on the session's clocks.",
)
_value(
    ("current_localtime", "localtime"),
    TIME,
    lambda facts: facts.local.time(),
    ("SELECT typeof(current_localtime())", "TIME"),
    "The time of day at which the query began, on the session's clocks.",
)
_value(
    ("get_current_time", "current_time"),
    TIMETZ,
    _time_with_zone,
    ("SELECT typeof(current_time)", "TIME WITH TIME ZONE"),
    "The time of day at which the query began, on the session's clocks, with their distance from UTC.",
)
_value(
    ("current_user", "current_role", "session_user", "user"),
    VARCHAR,
    lambda facts: "duckdb",
    ("SELECT current_user", "duckdb"),
    "The name of the user, which is DuckDB's name of the one user there is.",
)
_value(
    ("current_schema",),
    VARCHAR,
    lambda facts: "main",
    ("SELECT current_schema()", "main"),
    "The name of the schema in which tables are looked up.",
)
_value(
    ("current_database", "current_catalog"),
    VARCHAR,
    lambda facts: "memory",
    ("SELECT current_database()", "memory"),
    "The name of the catalog in which tables are looked up.",
)


@scalar(
    "current_setting",
    resolver("current_setting", overload(VARCHAR, VARCHAR)),
    example=("SELECT current_setting('TimeZone')", "UTC"),
    summary="The value of a setting, whose name has to be a constant.",
)
def _current_setting(arguments: Sequence[Vector], result: SqlType) -> Vector:
    raise InternalError("current_setting() is a constant of the plan")


@scalar(
    "getvariable",
    resolver("getvariable", overload(VARCHAR, NULL)),
    example=("SELECT getvariable('never_set')", "NULL"),
    summary="The value that SET VARIABLE gave to a name, which has to be a constant; NULL if none did.",
)
def _variable(arguments: Sequence[Vector], result: SqlType) -> Vector:
    raise InternalError("getvariable() is a constant of the plan")
