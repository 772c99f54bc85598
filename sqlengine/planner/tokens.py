"""SQL text to tokens, one list a statement, with what sqlglot's parser would overlook checked here."""

from __future__ import annotations

import functools
import itertools
import re
from typing import Any, Final

from sqlengine.errors import ParseError
from sqlengine.planner.source import Source


def statement_tokens(sql: str, language: str = "duckdb") -> list[list[Any]]:
    """The tokens of each statement of a script; empty statements and comments are left out.

    Raises
    ------
    ParseError
        A text, name or comment does not end, a list lacks an item, or letters follow a number.
    """
    from sqlglot import TokenError, TokenType

    try:
        tokens = list(_duckdb_tokens(sql) if language == "duckdb" else _another(language).tokenize(sql))
    except TokenError as problem:
        raise _unfinished(problem, sql) from None
    pieces: list[list[Any]] = [[]]
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            pieces.append([])
        else:
            pieces[-1].append(token)
    for piece in pieces:
        _check(piece, Source(sql, 0, len(sql)), language)
    return [piece for piece in pieces if piece]


_TAG: Final = re.compile(r"\$[^\W\d]\w*\$")


def _duckdb_tokens(sql: str) -> Any:
    from sqlengine.planner.sql_dialect import EngineTokenizer, TaggedTokenizer

    tokenizer = TaggedTokenizer if _TAG.search(sql) else EngineTokenizer
    return tokenizer(dialect=dialect()).tokenize(sql)


@functools.cache
def dialect() -> Any:
    """The dialect that statements are read in."""
    from sqlengine.planner.sql_dialect import EngineDialect

    return EngineDialect()


def _another(language: str) -> Any:
    from sqlglot.dialects.dialect import Dialect

    try:
        return Dialect.get_or_raise(language)
    except ValueError as problem:
        raise ParseError(str(problem)) from None


def _check(tokens: list[Any], source: Source, language: str) -> None:
    """Refuse what the parser would read as something else."""
    from sqlglot import TokenType

    openers = (TokenType.COMMA, TokenType.L_PAREN, TokenType.L_BRACKET)
    for before, after in itertools.pairwise(tokens):
        # `SELECT a,, b` would lose an item, `SELECT 0b1` would be 0 AS b1, and 0xff the blob x'ff'.
        if after.token_type == TokenType.COMMA and before.token_type in openers:
            raise ParseError("syntax error at ',': an item is missing", source.place(after.start, after.end + 1))
        if language != "duckdb":
            continue
        letters = before.token_type == TokenType.NUMBER and after.token_type == TokenType.VAR
        hexadecimal = after.token_type == TokenType.HEX_STRING and source.script[after.start] == "0"
        if hexadecimal or (letters and after.start == before.end + 1):
            text = source.script[after.start : after.end + 1]
            raise ParseError(
                f"syntax error at {text!r}: letters follow a number", source.place(after.start, after.end + 1)
            )


def _unfinished(problem: Exception, sql: str) -> ParseError:
    source = Source(sql, 0, len(sql))
    for quote, what in (("'", "text"), ('"', "name"), ("$$", "text"), ("/*", "comment")):
        if f"Missing {quote}" in f"{problem} {problem.__cause__}" or sql.count(quote) % 2:
            start = sql.rfind(quote)
            return ParseError(f"a {what} begins with {quote} and does not end", source.place(start, start + 1))
    return ParseError("a text, a name or a comment does not end", source.place(max(0, len(sql) - 1), len(sql)))
