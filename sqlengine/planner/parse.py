"""SQL text to statements: sqlglot's DuckDB parser, with functions kept under the names users typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlengine.errors import NotSupportedError, ParseError, did_you_mean
from sqlengine.planner.parse_definition import (
    CopyTree,
    DefinitionTree,
    ExecuteTree,
    PrepareTree,
    VariableTree,
    copying,
    deallocation,
    definition,
    execution,
    variable,
)
from sqlengine.planner.source import Source
from sqlengine.planner.statements import (
    CreateMacro,
    Deallocate,
    SetStatement,
    ShowAllTables,
    ShowStatement,
    ShowTables,
)
from sqlengine.planner.syntax_error import syntax_error
from sqlengine.planner.tokens import dialect as our_dialect
from sqlengine.planner.tokens import statement_tokens

QUERY_WORDS = ("SELECT", "WITH", "FROM", "VALUES", "TABLE", "(", "PIVOT", "UNPIVOT")

# Statements that are SQL but not ours.
_FOREIGN = """
    ALTER ANALYZE ATTACH BEGIN CALL CHECKPOINT COMMENT COMMIT DELETE DETACH END
    EXPORT FORCE GRANT IMPORT INSTALL LOAD MERGE PRAGMA REFRESH REPLACE REVOKE ROLLBACK START
    TRUNCATE UPDATE USE VACUUM
"""
FOREIGN_WORDS = frozenset(_FOREIGN.split())
OWN_WORDS = (
    "COPY",
    "CREATE",
    "INSERT",
    "DROP",
    "PREPARE",
    "EXECUTE",
    "DEALLOCATE",
    "EXPLAIN",
    "SET",
    "RESET",
    "SHOW",
    "DESCRIBE",
    "DESC",
)


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


Content = (
    QueryTree
    | ExplainTree
    | DescribeTree
    | SetStatement
    | ShowStatement
    | ShowTables
    | ShowAllTables
    | DefinitionTree
    | CopyTree
    | CreateMacro
    | PrepareTree
    | ExecuteTree
    | Deallocate
    | VariableTree
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One parsed statement and where it stands in its script."""

    content: Content
    source: Source

    @property
    def text(self) -> str:
        """The statement as typed, without the semicolon."""
        return self.source.text


def parse_statements(sql: str, dialect: str = "duckdb") -> list[Statement]:
    """All statements of a script, parsed: see `read_statements`."""
    return list(read_statements(sql, lambda: dialect))


def read_statements(sql: str, dialect: Callable[[], str] = lambda: "duckdb") -> Iterator[Statement]:
    """The statements of a script, in order, each parsed when it is asked for; empty ones and comments are left out.

    Parameters
    ----------
    sql
        One or more statements, separated by semicolons.
    dialect
        Says before each statement which of sqlglot's dialects it is in. Queries and definitions of another dialect than
        DuckDB's are translated (see `planner.translate`); SET, SHOW and the like are the same in all of them.

    Raises
    ------
    ParseError
        The text is not SQL; carries the place.
    NotSupportedError
        A statement of a kind that this engine does not run (UPDATE, DELETE, …).
    """
    position, read = 0, True
    while read:
        read = False
        name = dialect()
        for tokens in statement_tokens(_rest(sql, position), name):
            source = Source(sql, tokens[0].start, tokens[-1].end + 1)
            yield _foreign(source, name) if name != "duckdb" else Statement(_content(tokens, source), source)
            position = source.stop
            if dialect() != name:
                read = True
                break


def _rest(sql: str, position: int) -> str:
    """`sql` with blanks in place of what stands before `position`, so that places stay the same."""
    return re.sub(r"[^\n]", " ", sql[:position]) + sql[position:]


_PREFIX = re.compile(r"\s*EXPLAIN\s+((ANALYZE|VERBOSE)\s+)?", re.IGNORECASE)


def _foreign(source: Source, dialect: str) -> Statement:
    """A statement of another dialect."""
    from sqlengine.planner.translate import TranslatedSource, translate

    prefix = _PREFIX.match(source.text)
    head = prefix.group(0) if prefix is not None else ""
    word = re.split(r"[\s(;]", source.text.strip() + " ", maxsplit=1)[0].upper()
    if word == "COPY":
        raise NotSupportedError(f"COPY in the dialect {dialect} is not supported: SET dialect = 'duckdb' before it")
    if prefix is None and word and word not in (*QUERY_WORDS, "CREATE", "INSERT", "DROP"):
        (tokens,) = statement_tokens(_rest(source.script[: source.stop], source.start))
        return Statement(_content(tokens, source), source)
    text = head + translate(source.text[len(head) :], dialect)
    whole = TranslatedSource(text, 0, len(text), source)
    (tokens,) = statement_tokens(text)
    return Statement(_content(tokens, whole), whole)


def _content(tokens: list[Any], source: Source) -> Content:
    word = tokens[0].text.upper()
    match word:
        case "EXPLAIN":
            return _explain(tokens, source)
        case "DESCRIBE" | "DESC":
            return DescribeTree(_described(tokens, source))
        case "SUMMARIZE":
            from sqlglot import exp

            return QueryTree(exp.Summarize(this=_described(tokens, source)))
        case "PRAGMA" if [token.text.lower() for token in tokens[1:3]] == ["table_info", "("] and len(tokens) == 5:
            return QueryTree(_table_info(tokens[3].text))
        case "SET" | "RESET" if len(tokens) > 2 and tokens[1].text.upper() == "VARIABLE":
            return variable(tokens, source, _parsed)
        case "SET" | "RESET":
            return _setting(tokens, source)
        case "SHOW":
            return _show(tokens, source)
        case "CREATE" | "INSERT" | "DROP":
            return definition(tokens, source, _parsed)
        case "COPY":
            return copying(tokens, source, _parsed)
        case "PREPARE":
            return _prepare(tokens, source)
        case "EXECUTE":
            return execution(tokens, source, _parsed)
        case "DEALLOCATE":
            return deallocation(tokens, source)
        case _ if word in QUERY_WORDS:
            return QueryTree(_query(tokens, source))
        case _ if word in FOREIGN_WORDS:
            raise NotSupportedError(
                f"{word} is not supported: this engine answers queries only", _at(tokens[0], source)
            )
        case _:
            hint = did_you_mean(tokens[0].text, [*QUERY_WORDS, *OWN_WORDS, *sorted(FOREIGN_WORDS)])
            raise ParseError(f"a statement cannot begin with {tokens[0].text!r}.{hint}", _at(tokens[0], source))


def _table_info(table: str) -> Any:
    """PRAGMA table_info(table) as the query that it means."""
    from sqlglot import exp

    call = exp.Anonymous(this="pragma_table_info", expressions=[exp.Literal.string(table)])
    return exp.Select(expressions=[exp.Star()], from_=exp.From(this=exp.Table(this=call)))


def _parsed(tokens: list[Any], source: Source) -> Any:
    return _run_parser(tokens, source, None)


def _prepare(tokens: list[Any], source: Source) -> PrepareTree:
    if len(tokens) < 4 or tokens[2].text.upper() != "AS":
        raise ParseError("PREPARE is written: PREPARE name AS statement", _at(tokens[0], source))
    part = Source(source.script, tokens[3].start, source.stop)
    return PrepareTree(tokens[1].text, Statement(_content(tokens[3:], part), part))


def _explain(tokens: list[Any], source: Source) -> ExplainTree:
    if len(tokens) < 2:
        raise _unexpected_end("EXPLAIN needs a query", tokens, source)
    word = tokens[1].text.upper()
    words = [token.text.upper() for token in tokens[1:3]]
    if "COPY" in (words[0], words[-1] if word == "ANALYZE" else ""):
        at = 1 + words.index("COPY")
        tree = copying(tokens[at:], source, _parsed).tree
        if tree.args.get("kind"):
            raise NotSupportedError("EXPLAIN of COPY … FROM is not supported", _at(tokens[at], source))
        return ExplainTree("plan" if at == 1 else "analyze", tree)
    if word in ("ANALYZE", "VERBOSE"):
        return ExplainTree(word.lower(), _query(tokens[2:], source, after=tokens[1]))
    if word == "(" and len(tokens) > 2 and tokens[2].text.upper() not in QUERY_WORDS:
        raise NotSupportedError("options of EXPLAIN are not supported", _at(tokens[1], source))
    return ExplainTree("plan", _query(tokens[1:], source))


def _described(tokens: list[Any], source: Source) -> Any:
    from sqlglot import exp

    if len(tokens) < 2:
        raise _unexpected_end(f"{tokens[0].text.upper()} needs a table or a query", tokens, source)
    if tokens[1].text.upper() in QUERY_WORDS:
        return _query(tokens[1:], source)
    table = _run_parser(tokens[1:], source, exp.Table)
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
    if len(rest) < 3 or rest[1].text.upper() not in ("=", "TO"):
        raise ParseError("SET is written: SET name = value", _at(tokens[0], source))
    return SetStatement(rest[0].text, _setting_value(rest[2:], source))


def _setting_value(tokens: list[Any], source: Source) -> object:
    from sqlglot import TokenType

    if tokens[0].token_type == TokenType.L_BRACKET and tokens[-1].token_type == TokenType.R_BRACKET:
        texts, commas = tokens[1:-1:2], tokens[2:-1:2]
        if all(each.token_type == TokenType.STRING for each in texts) and all(each.text == "," for each in commas):
            return [str(each.text) for each in texts]
    negative = tokens[0].token_type == TokenType.DASH
    if len(tokens) != (2 if negative else 1):
        raise ParseError("a setting takes one value: a number, a text, true, false or NULL", _at(tokens[-1], source))
    token = tokens[-1]
    if token.token_type == TokenType.NUMBER:
        number = float(token.text) if any(c in token.text for c in ".eE") else int(token.text.replace("_", ""))
        return -number if negative else number
    if token.token_type == TokenType.STRING:
        return str(token.text)
    return {"TRUE": True, "FALSE": False, "NULL": None}.get(token.text.upper(), token.text)


def _show(tokens: list[Any], source: Source) -> ShowStatement | ShowTables | ShowAllTables:
    words = [token.text.lower() for token in tokens[1:]]
    if words == ["tables"]:
        return ShowTables()
    if words == ["all", "tables"]:
        return ShowAllTables()
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
    from sqlglot import ParseError as SyntaxProblem

    try:
        parser = our_dialect().parser()
        if into is not None:
            return parser.parse_into(into, tokens, source.script)[0]
        return parser.parse(tokens, source.script)[0]
    except SyntaxProblem as problem:
        raise syntax_error(problem, tokens, source) from None
    except RecursionError:
        raise NotSupportedError("the query is nested too deeply") from None


def _unexpected_end(message: str, tokens: list[Any], source: Source) -> ParseError:
    return ParseError(message, _at(tokens[-1], source))


def _at(token: Any, source: Source) -> Any:
    return source.place(token.start, token.end + 1)
