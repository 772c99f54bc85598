"""SQL text to statements: sqlglot's DuckDB parser, with functions kept under the names users typed."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlengine.errors import NotSupportedError, ParseError, did_you_mean
from sqlengine.planner.source import Source
from sqlengine.planner.statements import SetStatement, ShowStatement, ShowTables

if TYPE_CHECKING:
    from sqlengine.planner.sql_dialect import TokenType

QUERY_WORDS = ("SELECT", "WITH", "FROM", "VALUES", "TABLE", "(", "PIVOT", "UNPIVOT")

# Statements that are SQL but not ours.
FOREIGN_WORDS = (
    "ALTER ANALYZE ATTACH BEGIN CALL CHECKPOINT COMMENT COMMIT COPY CREATE DEALLOCATE DELETE DETACH DROP END EXECUTE "
    "EXPORT FORCE GRANT IMPORT INSERT INSTALL LOAD MERGE PRAGMA PREPARE REFRESH REPLACE REVOKE ROLLBACK START "
    "SUMMARIZE TRUNCATE UPDATE USE VACUUM"
).split()
OWN_WORDS = ("EXPLAIN", "SET", "RESET", "SHOW", "DESCRIBE", "DESC")


@dataclass(frozen=True, slots=True)
class QueryTree:
    """A query, parsed."""

    tree: Any


@dataclass(frozen=True, slots=True)
class ExplainTree:
    """EXPLAIN of a query; `level` is plan, verbose or analyze."""

    level: str
    tree: Any


@dataclass(frozen=True, slots=True)
class DescribeTree:
    """DESCRIBE of a query; of a table, too: then the query is `SELECT * FROM table`."""

    tree: Any


@dataclass(frozen=True, slots=True)
class Statement:
    """One parsed statement and where it stands in its script."""

    content: QueryTree | ExplainTree | DescribeTree | SetStatement | ShowStatement | ShowTables
    source: Source

    @property
    def text(self) -> str:
        """The statement as typed, without the semicolon."""
        return self.source.text


def parse_statements(sql: str, dialect: str = "duckdb") -> list[Statement]:
    """The statements of a script, in order; empty ones and comments are left out.

    Parameters
    ----------
    sql
        One or more statements, separated by semicolons.
    dialect
        Any of sqlglot's. Text of another dialect than DuckDB's is translated first; sources and positions then
        refer to the translation.

    Raises
    ------
    ParseError
        The text is not SQL; carries the place.
    NotSupportedError
        A statement of a kind that this engine does not run (INSERT, CREATE, …).
    """
    if dialect != "duckdb":
        sql = _translate(sql, dialect)
    tokens = _tokenize(sql)
    statements = []
    for piece in _split(tokens):
        source = Source(sql, piece[0].start, piece[-1].end + 1)
        _check_commas(piece, source)
        statements.append(Statement(_content(piece, source), source))
    return statements


def _content(
    tokens: list[Any], source: Source
) -> QueryTree | ExplainTree | DescribeTree | SetStatement | ShowStatement | ShowTables:
    word = tokens[0].text.upper()
    match word:
        case "EXPLAIN":
            return _explain(tokens, source)
        case "DESCRIBE" | "DESC":
            return DescribeTree(_described(tokens[1:], source))
        case "SET" | "RESET":
            return _setting(tokens, source)
        case "SHOW":
            return _show(tokens, source)
        case _ if word in QUERY_WORDS:
            return QueryTree(_query(tokens, source))
        case _ if word in FOREIGN_WORDS:
            raise NotSupportedError(
                f"{word} is not supported: this engine answers queries only", _at(tokens[0], source)
            )
        case _:
            hint = did_you_mean(tokens[0].text, [*QUERY_WORDS, *OWN_WORDS, *FOREIGN_WORDS])
            raise ParseError(f"a statement cannot begin with {tokens[0].text!r}.{hint}", _at(tokens[0], source))


def _explain(tokens: list[Any], source: Source) -> ExplainTree:
    if len(tokens) < 2:
        raise _unexpected_end("EXPLAIN needs a query", tokens, source)
    word = tokens[1].text.upper()
    if word in ("ANALYZE", "VERBOSE"):
        return ExplainTree(word.lower(), _query(tokens[2:], source, after=tokens[1]))
    if word == "(" and len(tokens) > 2 and tokens[2].text.upper() not in QUERY_WORDS:
        raise NotSupportedError("options of EXPLAIN are not supported", _at(tokens[1], source))
    return ExplainTree("plan", _query(tokens[1:], source))


def _described(tokens: list[Any], source: Source) -> Any:
    from sqlglot import exp

    if not tokens:
        return exp.select("*").from_("tables")
    if tokens[0].text.upper() in QUERY_WORDS:
        return _query(tokens, source)
    table = _run_parser(tokens, source, exp.Table)
    return exp.Select(expressions=[exp.Star()], from_=exp.From(this=table))


def _setting(tokens: list[Any], source: Source) -> SetStatement:
    from sqlengine.config import find_setting

    reset = tokens[0].text.upper() == "RESET"
    rest = tokens[1:]
    if rest and rest[0].text.upper() in ("SESSION", "GLOBAL", "LOCAL"):
        rest = rest[1:]
    if reset:
        if len(rest) != 1:
            raise ParseError("RESET takes the name of one setting", _at(tokens[0], source))
        return SetStatement(rest[0].text, find_setting(rest[0].text).default)
    if len(rest) > 1 and rest[0].text.upper() == "VARIABLE":
        raise NotSupportedError("SET VARIABLE is not supported", _at(rest[0], source))
    if len(rest) < 3 or rest[1].text.upper() not in ("=", "TO"):
        raise ParseError("SET is written: SET name = value", _at(tokens[0], source))
    return SetStatement(rest[0].text, _setting_value(rest[2:], source))


def _setting_value(tokens: list[Any], source: Source) -> object:
    types = _token_types()
    negative = tokens[0].token_type == types.DASH
    if len(tokens) != (2 if negative else 1):
        raise ParseError("a setting takes one value: a number, a text, true, false or NULL", _at(tokens[-1], source))
    token = tokens[-1]
    if token.token_type == types.NUMBER:
        number = float(token.text) if any(c in token.text for c in ".eE") else int(token.text.replace("_", ""))
        return -number if negative else number
    if token.token_type == types.STRING:
        return str(token.text)
    return {"TRUE": True, "FALSE": False, "NULL": None}.get(token.text.upper(), token.text)


def _show(tokens: list[Any], source: Source) -> ShowStatement | ShowTables:
    words = [token.text.lower() for token in tokens[1:]]
    if words == ["tables"]:
        return ShowTables()
    if len(words) != 1:
        raise ParseError("SHOW takes TABLES, ALL, or the name of a setting", _at(tokens[0], source))
    return ShowStatement(None if words[0] in ("all", "settings") else tokens[1].text)


def _query(tokens: list[Any], source: Source, after: Any = None) -> Any:
    if not tokens:
        raise _unexpected_end(f"{after.text.upper()} needs a query", [after], source)
    if tokens[0].text.upper() not in QUERY_WORDS:
        raise ParseError(f"expected a query, not {tokens[0].text!r}", _at(tokens[0], source))
    return _run_parser(tokens, source, None)


def _run_parser(tokens: list[Any], source: Source, into: Any) -> Any:
    from sqlglot.errors import ParseError as SyntaxProblem

    try:
        parser = _dialect().parser()
        if into is None:
            trees = parser.parse(tokens, source.script)
        else:
            trees = parser.parse_into(into, tokens, source.script)
    except SyntaxProblem as problem:
        raise _parse_error(problem, tokens, source) from None
    except RecursionError:
        raise NotSupportedError("the query is nested too deeply") from None
    return trees[0]


def _parse_error(problem: Any, tokens: list[Any], source: Source) -> ParseError:
    detail = problem.errors[0] if problem.errors else {}
    detail = detail if "highlight" in detail else (getattr(problem.__cause__, "errors", None) or [{}])[0]
    word = str(detail.get("highlight") or "")
    description = str(detail.get("description") or "")
    # sqlglot gives line and column of a token's last character, and quotes the token itself.
    token = next((t for t in tokens if t.line == detail.get("line") and t.col == detail.get("col")), tokens[-1])
    position = _at(token, source)
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


def _tokenize(sql: str) -> list[Any]:
    from sqlglot.errors import TokenError

    try:
        return list(_dialect().tokenize(sql))
    except TokenError as problem:
        raise _token_error(problem, sql) from None


def _token_error(problem: Exception, sql: str) -> ParseError:
    source = Source(sql, 0, len(sql))
    for quote, what in (("'", "text"), ('"', "name"), ("$$", "text"), ("/*", "comment")):
        if f"Missing {quote}" in f"{problem} {problem.__cause__}" or sql.count(quote) % 2:
            start = sql.rfind(quote)
            return ParseError(f"a {what} begins with {quote} and does not end", source.place(start, start + 1))
    return ParseError("a text, a name or a comment does not end", source.place(max(0, len(sql) - 1), len(sql)))


def _split(tokens: list[Any]) -> list[list[Any]]:
    """Token lists between semicolons, empty ones left out."""
    types = _token_types()
    pieces: list[list[Any]] = [[]]
    for token in tokens:
        if token.token_type == types.SEMICOLON:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return [piece for piece in pieces if piece]


def _check_commas(tokens: list[Any], source: Source) -> None:
    """sqlglot overlooks an empty item in a list: `SELECT a,, b` would lose it."""
    types = _token_types()
    openers = (types.COMMA, types.L_PAREN, types.L_BRACKET)
    for before, after in itertools.pairwise(tokens):
        if after.token_type == types.COMMA and before.token_type in openers:
            raise ParseError("syntax error at ',': an item is missing", _at(after, source))


def _unexpected_end(message: str, tokens: list[Any], source: Source) -> ParseError:
    return ParseError(message, _at(tokens[-1], source))


def _at(token: Any, source: Source) -> Any:
    return source.place(token.start, token.end + 1)


def _translate(sql: str, dialect: str) -> str:
    import sqlglot
    from sqlglot.errors import ErrorLevel, SqlglotError, UnsupportedError

    try:
        return ";\n".join(sqlglot.transpile(sql, read=dialect, write="duckdb", unsupported_level=ErrorLevel.RAISE))
    except UnsupportedError as problem:
        raise NotSupportedError(f"{dialect} SQL that has no translation: {problem}") from None
    except (SqlglotError, ValueError) as problem:
        raise ParseError(f"not {dialect} SQL: {str(problem).splitlines()[0]}") from None


@functools.cache
def _dialect() -> Any:
    from sqlengine.planner.sql_dialect import EngineDialect

    return EngineDialect()


def _token_types() -> type[TokenType]:
    from sqlglot.tokens import TokenType

    return TokenType
