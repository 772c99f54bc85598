"""Statements of other dialects as DuckDB's: sqlglot knows both; what it does not know for certain is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from sqlengine.errors import NotSupportedError, ParseError, Position
from sqlengine.planner.source import Source

# Functions that are this engine's own in whatever dialect they are called: those that read files.
_OWN: Final = ("read_", "parquet_scan")


@dataclass(frozen=True, slots=True)
class TranslatedSource(Source):
    """A translation; `original` is what the user typed.

    Places in the translation are shown in the original where the same text stands there exactly once.
    """

    original: Source

    def place(self, start: int, stop: int) -> Position | None:
        """The place in the original of the characters `start` … `stop` of the translation, if it is certain."""
        words = self.script[start:stop].strip('"`')
        found = list(re.finditer(rf"(?<!\w){re.escape(words)}(?!\w)", self.original.text, re.IGNORECASE))
        if len(found) != 1 or not words:
            return None
        at = self.original.start + found[0].start()
        return self.original.place(at, at + len(words))


def translate(text: str, dialect: str) -> str:
    """One statement as DuckDB SQL.

    Whole numbers divide as in their dialect, NULLs are ordered as in their dialect. Text is compared as in DuckDB, by
    its bytes, also where the dialect's default collation would ignore case.

    Raises
    ------
    ParseError
        The text is not SQL of that dialect.
    NotSupportedError
        Something in it has no certain counterpart: a function that sqlglot does not know, a hint, a command.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import ErrorLevel, SqlglotError, UnsupportedError

    try:
        tree: Any = sqlglot.parse_one(text, read=dialect)
        for call in tree.find_all(exp.Anonymous, exp.AnonymousAggFunc, exp.Command):
            if isinstance(call, exp.Command):
                raise NotSupportedError(f"{call.name} of {dialect} is not supported")
            if not call.name.lower().startswith(_OWN):
                raise NotSupportedError(
                    f"the function {call.name}() of {dialect} has no certain counterpart here; write it in DuckDB's SQL"
                )
        for apply in tree.find_all(exp.Join):
            lateral = apply.this
            if isinstance(lateral, exp.Lateral) and lateral.args.get("cross_apply") is not None:
                # sqlglot writes APPLY as a join without a condition.
                apply.set("side", None if lateral.args["cross_apply"] else "LEFT")
                apply.set("on", exp.true())
                lateral.set("cross_apply", None)
        # Inner ones first: what is replaced is copied.
        for division in reversed(list(tree.find_all(exp.IntDiv))):
            # `//` cuts fractions off whole numbers only.
            arguments = [division.this.copy(), division.expression.copy()]
            quotient = exp.Anonymous(this="__typed_divide", expressions=arguments)
            division.replace(exp.cast(exp.Anonymous(this="trunc", expressions=[quotient]), exp.DType.BIGINT))
        for division in reversed(list(tree.find_all(exp.Div))):
            if division.args.get("typed"):
                # sqlglot would need the types of columns to say this in DuckDB's operators.
                arguments = [division.this.copy(), division.expression.copy()]
                division.replace(exp.Anonymous(this="__typed_divide", expressions=arguments))
        return str(tree.sql(dialect="duckdb", unsupported_level=ErrorLevel.RAISE, comments=False))
    except UnsupportedError as problem:
        raise NotSupportedError(f"{dialect} SQL that has no translation: {problem}") from None
    except (SqlglotError, ValueError) as problem:
        raise ParseError(f"not {dialect} SQL: {str(problem).splitlines()[0]}") from None
    except RecursionError:
        raise NotSupportedError("the query is nested too deeply") from None
