"""Every error a user can meet, rooted in PEP 249 and named for whoever can act on it.

::

    Exception
    ├── Warning (PEP 249)
    └── Error
        ├── InterfaceError              the caller of the Python API: closed cursor, fetch before execute
        └── DatabaseError
            ├── ProgrammingError        the query's author
            │   ├── ParseError          not SQL; carries line, column and a caret
            │   ├── BindError           an unknown or ambiguous name, a wrong argument; carries a caret
            │   └── SettingError        an unknown setting, or a value it does not take
            ├── NotSupportedError       SQL we understand and refuse; carries a caret where known
            ├── DataError               the data's owner
            │   ├── ConversionError     a value that does not fit its type
            │   ├── OutOfRangeError     an overflow
            │   ├── DivisionByZeroError
            │   └── FileFormatError     an unreadable or inconsistent file; carries path and row
            ├── OperationalError        the operator of the machine
            │   ├── FileMissingError    nothing is there
            │   ├── MemoryBudgetError   the memory budget is used up
            │   ├── QueryTimeoutError   the deadline has passed
        │   ├── QueryInterruptedError  `Connection.interrupt()` ended the query
            │   └── WorkerError         a worker died more often than is retried
            ├── IntegrityError          (PEP 249, unused)
            └── InternalError           us: please report it
    KeyboardInterrupt is raised as itself when Ctrl-C ends a query.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from sqlengine.redaction import redacted


@dataclass(frozen=True, slots=True)
class Position:
    """A place in SQL text: `line` and `column` count from 1, `length` in characters."""

    line: int
    column: int
    length: int = 1


class Warning(Exception):  # noqa: A001 - the name PEP 249 demands
    """PEP 249 Warning."""


class Error(Exception):
    """Base of all errors of this package.

    Attributes
    ----------
    message
        One sentence or more: what is wrong, where, and what to do; without the secrets that URLs may hold.
    position
        Where in the SQL text, if the error has such a place.
    """

    def __init__(self, message: str, position: Position | None = None) -> None:
        message = redacted(message)
        super().__init__(message)
        self.message = message
        self.position = position

    def __reduce__(self) -> tuple[object, ...]:
        # Errors travel from workers to the coordinator by pickle.
        return (type(self), (self.message, self.position))

    def with_context(self, text: str) -> Error:
        """The same error with `text` (a file, a row, an operator) appended once."""
        if text in self.message:
            return self
        error = type(self)(f"{self.message}\n{text}", self.position)
        error.__cause__ = self.__cause__
        return error


class InterfaceError(Error):
    """Misuse of the Python interface, not of SQL."""


class DatabaseError(Error):
    """Base of everything that concerns the query, the data or the machine."""


class ProgrammingError(DatabaseError):
    """The query is wrong."""


class ParseError(ProgrammingError):
    """The text is not SQL."""


class BindError(ProgrammingError):
    """A name or a type in the query does not resolve."""


class SettingError(ProgrammingError):
    """An unknown setting or an unfit value for one."""


class NotSupportedError(DatabaseError):
    """Valid SQL that this engine refuses rather than answer wrongly."""


class DataError(DatabaseError):
    """The data does not allow an answer."""


class ConversionError(DataError):
    """A value does not fit the type it is cast to."""


class OutOfRangeError(DataError):
    """A result lies outside the range of its type."""


class DivisionByZeroError(DataError):
    """An integer division or modulo by zero."""


class FileFormatError(DataError):
    """A file is unreadable, truncated, or disagrees with its siblings."""


class OperationalError(DatabaseError):
    """The machine or its files do not allow an answer."""


class FileMissingError(OperationalError):
    """No file is at the path or matches the pattern."""


class MemoryBudgetError(OperationalError):
    """An operator needs more memory than the budget allows."""


class QueryTimeoutError(OperationalError):
    """The query's deadline has passed."""


class QueryInterruptedError(OperationalError):
    """Another thread ended the query through `Connection.interrupt()`."""


class WorkerError(OperationalError):
    """A worker process died, and so did its replacements on the same task."""


class IntegrityError(DatabaseError):
    """PEP 249 IntegrityError; nothing raises it, there are no constraints."""


class InternalError(DatabaseError):
    """A defect of this package."""


def nearest(name: str, candidates: Iterable[str], limit: int = 3) -> list[str]:
    """Up to `limit` candidates that look like `name`, best first; case does not count."""
    by_folded: dict[str, str] = {}
    for candidate in candidates:
        by_folded.setdefault(candidate.lower(), candidate)
    matches = difflib.get_close_matches(name.lower(), by_folded, n=limit, cutoff=0.6)
    return [by_folded[match] for match in matches]


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """`' Did you mean a, b?'`, or nothing when no candidate is close."""
    names = nearest(name, candidates)
    return f" Did you mean {', '.join(repr(n) for n in names)}?" if names else ""


def render(error: BaseException, sql: str | None = None) -> str:
    """The error as a user reads it: message, then the line of SQL with a caret under the place."""
    message = error.message if isinstance(error, Error) else str(error)
    position = error.position if isinstance(error, Error) else None
    text = f"{type(error).__name__}: {message}"
    if isinstance(error, InternalError):
        text += "\nThis is a defect in sqlengine; please report it with the query."
    if sql is None or position is None:
        return text
    lines = redacted(sql).splitlines() or [""]
    if not 1 <= position.line <= len(lines):
        return text
    line = lines[position.line - 1].replace("\t", " ")
    prefix = f"LINE {position.line}: "
    # Long lines are cut around the caret so that it stays on the screen.
    start = max(0, position.column - 60)
    shown = line[start : start + 100]
    caret = " " * (len(prefix) + position.column - 1 - start) + "^" * max(1, min(position.length, 100))
    return f"{text}\n{prefix}{shown}\n{caret}"
