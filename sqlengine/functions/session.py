"""What functions know of the session: one instant and one time zone per query, and the settings.

The facts are those of the statement being planned. Whatever depends on them becomes a constant of the plan
(`now()` a timestamp, a cast of TIMESTAMP WITH TIME ZONE a call with the zone as an argument), so that a plan means
the same wherever and whenever its tasks run.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pyarrow as pa

    from sqlengine.types import SqlType

UTC: Final = "UTC"


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """The facts of one statement.

    Attributes
    ----------
    instant
        When the statement began, with time zone UTC.
    time_zone
        Name of the session's time zone.
    setting
        The value of a setting by its name; raises SettingError for an unknown one.
    variables
        What SET VARIABLE has kept, by name in lower case: a type, and an array of one value that carries it.
    """

    instant: datetime.datetime
    time_zone: str = UTC
    setting: Callable[[str], object] = field(default=lambda name: None)
    variables: Mapping[str, tuple[SqlType, pa.Array]] = field(default_factory=dict)

    @property
    def local(self) -> datetime.datetime:
        """The instant on the session's clocks, without time zone."""
        import zoneinfo

        return self.instant.astimezone(zoneinfo.ZoneInfo(self.time_zone)).replace(tzinfo=None)


_facts: ContextVar[SessionFacts | None] = ContextVar("session_facts", default=None)


def session_facts() -> SessionFacts:
    """The facts of the statement being planned; of now and UTC outside of any."""
    return _facts.get() or SessionFacts(datetime.datetime.now(datetime.UTC))


@contextmanager
def planning(
    settings: Mapping[str, object],
    lookup: Callable[[str], object],
    variables: Mapping[str, tuple[SqlType, pa.Array]],
) -> Iterator[None]:
    """The facts of a statement that begins now hold inside."""
    zone = str(settings["timezone"])
    token = _facts.set(SessionFacts(datetime.datetime.now(datetime.UTC), zone, lookup, variables))
    try:
        yield
    finally:
        _facts.reset(token)
