"""DuckDB's dialect of sqlglot, made to lose nothing.

Imported by `planner.parse` on the first query: sqlglot takes a while to load. Everywhere names come from `sqlglot`
itself where it has them: two threads that import it for the first time, one by a module within, block each other, and
Python then gives one of them half a module.
"""

from __future__ import annotations

from typing import Any

from sqlglot import TokenType, exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import SqlglotError

_Parser: Any = DuckDB.parser_class
_Tokenizer: Any = DuckDB.tokenizer_class
_Generator: Any = DuckDB.generator_class


class EngineParser(_Parser):  # type: ignore[misc]
    """Keeps functions as typed, and closes gaps through which wrong SQL would pass."""

    # sqlglot turns known functions into classes of its own, reordering and rewriting arguments so that they can be
    # printed in other dialects. Without that table every call stays (name, arguments), as the registry wants it.
    # COLUMNS is no function: it stands for columns, and a star before it (`*COLUMNS(…)`) is kept on this node only.
    FUNCTIONS: dict[str, Any] = {  # noqa: RUF012 - overrides a class attribute of sqlglot
        "COLUMNS": lambda arguments: exp.Columns.from_arg_list(arguments),
    }

    # What remains are the calls with a grammar of their own.
    FUNCTION_PARSERS = {  # noqa: RUF012
        name: parse
        for name, parse in _Parser.FUNCTION_PARSERS.items()
        if name in ("CAST", "TRY_CAST", "EXTRACT", "POSITION", "SUBSTRING", "TRIM")
    }

    # sqlglot takes a subscript of a call of list(), or of a column of that name, for the elements of a list.
    ARRAY_CONSTRUCTORS = {"ARRAY": exp.Array}  # noqa: RUF012

    # `~1 + 1` is ~(1 + 1).
    UNARY_PARSERS = {  # noqa: RUF012
        **_Parser.UNARY_PARSERS,
        TokenType.TILDE: lambda self: self.expression(exp.BitwiseNot(this=self._parse_term())),
        TokenType.NOT: lambda self: self._parse_negation(),
    }

    # `<->` and `<=>` are distances of vectors, which bind as `||` and `&` do; sqlglot has one as a product, the other
    # as IS NOT DISTINCT FROM.
    BITWISE = {  # noqa: RUF012
        **_Parser.BITWISE,
        TokenType.LR_ARROW: exp.Distance,
        TokenType.NULLSAFE_EQ: exp.CosineDistance,
    }
    FACTOR = {k: node for k, node in _Parser.FACTOR.items() if k != TokenType.LR_ARROW}  # noqa: RUF012
    EQUALITY = {k: node for k, node in _Parser.EQUALITY.items() if k != TokenType.NULLSAFE_EQ}  # noqa: RUF012

    def _warn_unsupported(self) -> None:
        """Say nothing: the statement is refused, with an error that tells where."""

    def _parse_expression(self) -> Any:
        # `name: value` is an alias; `SELECT :name` and `(:name)` are parameters.
        if self._next.token_type == TokenType.COLON and self._curr.token_type not in self.ID_VAR_TOKENS | {
            TokenType.STRING,
            TokenType.IDENTIFIER,
        }:
            return self._parse_alias(self._parse_assignment())
        return super()._parse_expression()

    def _parse_type(self, *arguments: Any, **options: Any) -> Any:
        node = self._parse_operand(*arguments, **options)
        # `5!` is factorial(5); `a !~~ b` is NOT LIKE.
        while node is not None and self._curr is not None and self._curr.text == "!":
            if self._next is not None and self._next.text.startswith("~"):
                break
            self._advance()
            node = self._parse_column_ops(self.expression(exp.Anonymous(this="factorial", expressions=[node])))
        return node

    def _parse_negation(self) -> Any:
        # DuckDB has `!` behind its operand only.
        if self._prev.text == "!":
            self.raise_error("'!' has no operand before it", self._prev)
        return self.expression(exp.Not(this=self._parse_equality()))

    def _parse_operand(self, *arguments: Any, **options: Any) -> Any:
        typed = self._curr is not None and self._curr.token_type in self.TYPE_TOKENS
        node = super()._parse_type(*arguments, **options)
        # sqlglot reads DATE '2020-01-01'::VARCHAR as DATE ('2020-01-01'::VARCHAR).
        chain = (exp.Cast, exp.Bracket, exp.AtTimeZone)
        if typed and type(node) is exp.Cast and isinstance(node.this, chain):
            outer = inner = node.this
            while isinstance(inner.this, chain):
                inner = inner.this
            if isinstance(inner.this, exp.Literal):
                inner.set("this", exp.Cast(this=inner.this, to=node.args["to"]))
                return outer
        return node

    def _parse_id_var(self, any_token: bool = True, tokens: Any = None) -> Any:
        # sqlglot takes the first word of `OVER (GROUPS 1 PRECEDING)` for the name of a window.
        if tokens is self.WINDOW_ALIAS_TOKENS and self._curr is not None and self._curr.text.upper() == "GROUPS":
            return None
        return super()._parse_id_var(any_token, tokens)

    def _parse_lambda_arg(self) -> Any:
        # sqlglot would take the text in f('{}' -> 'a') for the name of a parameter.
        return None if self._curr.token_type == TokenType.STRING else super()._parse_lambda_arg()

    def _parse_map(self) -> Any:
        node = super()._parse_map()
        # sqlglot reads MAP {1: 2}[1] as MAP ({1: 2}[1]).
        if isinstance(node, exp.ToMap) and isinstance(node.this, exp.Bracket):
            outer = inner = node.this
            while isinstance(inner.this, exp.Bracket):
                inner = inner.this
            inner.set("this", exp.ToMap(this=inner.this))
            return outer
        return node

    def _parse_in(self, this: Any, *arguments: Any, **options: Any) -> Any:
        # `x IN [1, 2]` asks a list, `x IN (1, 2)` compares: they differ where there are NULLs.
        if self._curr is not None and self._curr.token_type == TokenType.L_BRACKET:
            return self.expression(exp.In(this=this, field=self._parse_bitwise()))
        return super()._parse_in(this, *arguments, **options)

    def _parse_primary(self) -> Any:
        # sqlglot reads `.5` as 0.5, which has one digit more.
        if self._match_pair(TokenType.DOT, TokenType.NUMBER):
            return exp.Literal.number(f".{self._prev.text}").update_positions(self._prev)
        return super()._parse_primary()

    def _parse_simplified_pivot(self, is_unpivot: bool | None = None) -> Any:
        # As in sqlglot, but with any expression in ON, and ORDER BY and LIMIT after it: it is FROM of a SELECT.
        table = self._parse_table()
        on = self._match(TokenType.ON) and self._parse_csv(self._parse_pivot_on)
        into = self._parse_unpivot_columns()
        using = self._match(TokenType.USING) and self._parse_csv(self._parse_expression)
        group = self._parse_group()
        pivot = exp.Pivot(this=table, expressions=on, using=using, group=group, unpivot=is_unpivot, into=into)
        return self._parse_query_modifiers(exp.Select(expressions=[exp.Star()], from_=exp.From(this=pivot)))

    def _parse_pivot_on(self) -> Any:
        start = self._index
        this = self._parse_bitwise()
        if not isinstance(this, exp.Column | exp.Tuple) or not self._match(TokenType.IN):
            self._retreat(start)
            this = self._parse_expression()
            # Parentheses tell `a + 1 IN (…)`, a condition, from a column and its values.
            return exp.Paren(this=this) if isinstance(this, exp.In) else this
        values = self._parse_wrapped_csv(self._parse_expression)
        return self.expression(exp.In(this=this, expressions=values))

    def _parse_column_ops(self, this: Any) -> Any:
        return _as_calls(super()._parse_column_ops(this))

    def _parse_placeholder(self) -> Any:
        token = self._curr
        placeholder = super()._parse_placeholder()
        # Several `?` are told apart by where they stand.
        return placeholder if placeholder is None else placeholder.update_positions(token)

    def _parse_join(self, *arguments: Any, **options: Any) -> Any:
        comma = self._curr is not None and self._curr.token_type == TokenType.COMMA
        join = super()._parse_join(*arguments, **options)
        # In the tree `FROM a JOIN b` looks like `FROM a, b`.
        if (
            join is not None
            and not comma
            and not any(join.args.get(part) for part in ("on", "using", "match_condition", "nearest"))
            and join.args.get("kind") != "CROSS"
            and join.args.get("method") not in ("NATURAL", "POSITIONAL")
        ):
            self.raise_error("JOIN needs ON or USING; CROSS JOIN has neither")
        if join is not None and comma:
            join.set("kind", "COMMA")
        return join


def _as_calls(node: Any) -> Any:
    """`value.function(…)` as the call function(value, …); the value may be such a call itself."""
    if not isinstance(node, exp.Dot | exp.Cast | exp.Bracket):
        return node
    receiver = _as_calls(node.this)
    if receiver is not node.this:
        node.set("this", receiver)
    if not isinstance(node, exp.Dot) or not isinstance(node.expression, exp.Anonymous):
        return node
    call = node.expression
    path = dotted_path(receiver)
    call.set("expressions", [receiver if path is None else exp.column(*reversed(path)), *call.expressions])
    # Headers show a column's method as it was written.
    call.meta["method"] = path is not None
    return call


def dotted_path(node: Any) -> list[Any] | None:
    """The identifiers of `a.b.c`, which a call at its end keeps from being a column."""
    if isinstance(node, exp.Identifier):
        return [node]
    if not isinstance(node, exp.Dot) or not isinstance(node.expression, exp.Identifier):
        return None
    first = dotted_path(node.this)
    return None if first is None else [*first, node.expression]


class EngineTokenizer(_Tokenizer):  # type: ignore[misc]
    """Cuts every statement into tokens, EXPLAIN and SHOW too."""

    COMMANDS: set[TokenType] = set()  # noqa: RUF012
    # `?::INTEGER` is a parameter and a cast; only other dialects have the operators `?::` and `??`,
    # and APPLY as a kind of join: it is a function here.
    KEYWORDS = {text: kind for text, kind in _Tokenizer.KEYWORDS.items() if text not in ("?::", "??", "APPLY")}  # noqa: RUF012
    # sqlglot reads `$1,$2` as the beginning of a text with the tag `1,`; see `TaggedTokenizer`.
    HEREDOC_STRINGS: list[str] = []  # noqa: RUF012
    RAW_STRINGS = ["$$"]  # noqa: RUF012
    # sqlglot's DuckDB knows no x'00ff'.
    HEX_STRINGS = [("x'", "'"), ("X'", "'")]  # noqa: RUF012


class TaggedTokenizer(EngineTokenizer):
    """For statements with texts like `$tag$it's$tag$`."""

    HEREDOC_STRINGS = ["$"]  # noqa: RUF012
    RAW_STRINGS: list[str] = []  # noqa: RUF012


class EngineGenerator(_Generator):  # type: ignore[misc]
    """Writes trees of `EngineParser` for headers and errors."""

    def join_sql(self, expression: Any) -> str:
        """A join; the comma is one of our own kinds (see `EngineParser`)."""
        if expression.args.get("kind") == "COMMA":
            return f", {self.sql(expression, 'this')}"
        return str(super().join_sql(expression))

    def unsupported(self, message: str) -> None:
        """What DuckDB would not take is shown as it is; sqlglot would write to its log."""


class EngineDialect(DuckDB):  # type: ignore[misc]
    """The dialect `planner.parse` reads."""

    Parser = EngineParser
    Generator = EngineGenerator
    Tokenizer = EngineTokenizer
    # sqlglot would renumber constant subscripts to count from 0.
    INDEX_OFFSET = 0

    def to_json_path(self, path: Any) -> Any:
        """Paths into JSON stay as typed."""
        return path


def written_sql(node: Any, **options: Any) -> str:
    """A tree of `EngineParser` as SQL, for headers and errors; what kind of node it is if sqlglot cannot write it."""
    try:
        return str(node.sql(dialect=EngineDialect, comments=False, **options))
    except SqlglotError:
        # To rewrite a query sqlglot may parse parts of it again, as another dialect.
        return str(node.key)
