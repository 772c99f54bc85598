"""sqlglot's complaints in one sentence of ours, with the place."""

from __future__ import annotations

from typing import Any

from sqlengine.errors import ParseError
from sqlengine.planner.source import Source


def syntax_error(problem: Any, tokens: list[Any], source: Source) -> ParseError:
    """The error for text that sqlglot's parser (`problem`) does not take.

    Parameters
    ----------
    problem
        A `sqlglot.errors.ParseError`.
    tokens
        Those of the statement.
    source
        The statement.
    """
    detail = problem.errors[0] if problem.errors else {}
    detail = detail if "highlight" in detail else (getattr(problem.__cause__, "errors", None) or [{}])[0]
    word = str(detail.get("highlight") or "")
    description = str(detail.get("description") or "")
    # sqlglot gives line and column of a token's last character, and quotes the token itself.
    token = next((t for t in tokens if t.line == detail.get("line") and t.col == detail.get("col")), tokens[-1])
    position = source.place(token.start, token.end + 1)
    if description.startswith("Invalid expression"):
        return ParseError(f"syntax error at {word!r}", position)
    if description.startswith("Expecting ") and len(description) < 40:
        where = "at the end" if token is tokens[-1] else f"near {word!r}"
        return ParseError(f"syntax error {where}: expected {description.removeprefix('Expecting ')!r}", position)
    if description.startswith("JOIN needs"):
        return ParseError(description, position)
    if token is tokens[-1]:
        return ParseError(f"syntax error at the end: something is missing after {word!r}", position)
    return ParseError(f"syntax error near {word!r}", position)
