"""What depends on the session is written out in the plan: its time zone as an argument, its facts as constants."""

from __future__ import annotations

from collections.abc import Sequence

from sqlengine.errors import NotSupportedError
from sqlengine.functions.coercion import literal_type
from sqlengine.functions.session import UTC, session_facts
from sqlengine.functions.session_values import SESSION_VALUES
from sqlengine.functions.time_zones import IN_ZONE, UTC_ONLY
from sqlengine.planner.expressions import Call, Cast, Expression, Literal
from sqlengine.planner.variables import variable_value
from sqlengine.types import INTERVAL, NULL, TIMESTAMP, TIMESTAMPTZ, VARCHAR, SqlType


def session_value(name: str, arguments: Sequence[Expression]) -> Expression | None:
    """The constant that a call of a function of the session is in this query; None for any other function."""
    if name == "getvariable":
        return variable_value(arguments)
    if name == "current_setting" and len(arguments) == 1:
        (setting,) = arguments
        if not isinstance(setting, Literal) or not isinstance(setting.value, str):
            raise NotSupportedError("current_setting() of anything but a constant is not supported")
        value = session_facts().setting(setting.value)
        if isinstance(value, tuple):
            # As SHOW has it.
            value = str(list(value))
        return Literal(value, NULL if value is None else literal_type(value))
    found = SESSION_VALUES.get(name)
    return None if found is None or arguments else Literal(found[1](session_facts()), found[0])


def zoned_cast(operand: Expression, target: SqlType, attempt: bool = False) -> Expression:
    """A cast; from or to TIMESTAMP WITH TIME ZONE it goes through the clocks of the session's zone.

    Raises
    ------
    NotSupportedError
        Such a cast inside a nested value, in a session whose zone is not UTC.
    """
    source, zone = operand.type, session_facts().time_zone
    if zone == UTC or source == target or not (_has_zone(source) or _has_zone(target)):
        return Cast(operand, target, attempt)
    name = Literal(zone, VARCHAR)
    if source == TIMESTAMPTZ and target == VARCHAR:
        return Call("__timestamptz_to_text", (operand, name), VARCHAR)
    if source == TIMESTAMPTZ and target.is_temporal:
        return Cast(Call("timezone", (name, operand), TIMESTAMP), target, attempt)
    if target == TIMESTAMPTZ and source == VARCHAR:
        return Call(f"__{'try_' if attempt else ''}text_to_timestamptz", (operand, name), TIMESTAMPTZ)
    if target == TIMESTAMPTZ and source.is_temporal:
        return Call("timezone", (name, Cast(operand, TIMESTAMP, attempt)), TIMESTAMPTZ)
    if source.children or target.children:
        raise NotSupportedError(f"a cast from {source} to {target} is supported in the time zone UTC only")
    return Cast(operand, target, attempt)


def in_session_zone(name: str, arguments: list[Expression]) -> tuple[str, list[Expression]]:
    """(function, arguments) that compute the call on the clocks of the session's zone; `age(x)` is from today."""
    if name == "age" and len(arguments) == 1:
        today = session_facts().local.replace(hour=0, minute=0, second=0, microsecond=0)
        arguments = [Literal(today, TIMESTAMP), *arguments]
    zone = session_facts().time_zone
    if name == "strftime" and any(argument.type == TIMESTAMPTZ for argument in arguments):
        # Its texts may name the zone, UTC too.
        return "__strftime_in_zone", [*arguments, Literal(zone, VARCHAR)]
    if zone == UTC or not any(argument.type == TIMESTAMPTZ for argument in arguments):
        return name, arguments
    if name in UTC_ONLY:
        raise NotSupportedError(f"{name}() of TIMESTAMP WITH TIME ZONE in the time zone {zone} is not supported")
    if name == "-" and all(argument.type == TIMESTAMPTZ for argument in arguments):
        return name, [zoned_cast(argument, TIMESTAMP) for argument in arguments]
    zoned = IN_ZONE.get(name)
    if zoned is None or (name in ("+", "-") and not any(argument.type == INTERVAL for argument in arguments)):
        return name, arguments
    return zoned, [*arguments, Literal(zone, VARCHAR)]


def _has_zone(sql_type: SqlType) -> bool:
    return sql_type == TIMESTAMPTZ or any(_has_zone(child) for _, child in sql_type.children)
