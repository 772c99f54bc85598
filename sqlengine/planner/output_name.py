"""What an unnamed column of a result is called: DuckDB's rendering of the expression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlglot import exp

from sqlengine.keywords import quoted_name
from sqlengine.planner.output_name_nested import PRINTERS as NESTED
from sqlengine.planner.output_name_time import PRINTERS as OF_TIME
from sqlengine.planner.scope import Scope
from sqlengine.planner.sql_dialect import written_sql


def output_name(tree: Any, scope: Scope) -> str:
    """The header of an item of the select list that has no alias.

    A column is called as its table spells it; everything else as DuckDB prints it: `(a + 1)`, `sum(x)`,
    `count_star()`. Names are for people: for kinds of expression that are not listed here the SQL text stands.
    """
    inner = tree.unnest()
    if isinstance(inner, exp.Column):
        return scope.spelling(inner.name)
    if isinstance(inner, exp.PositionalColumn):
        return [name for relation in scope.relations for name in relation.names][int(inner.name) - 1]
    return _print(inner)


def _print(node: Any) -> str:
    part = NESTED.get(type(node)) or OF_TIME.get(type(node))
    if part is not None:
        return part(node, _print)
    printer = _PRINTERS.get(type(node))
    return printer(node) if printer is not None else written_sql(node)


def _column(node: Any) -> str:
    return ".".join(_identifier(part) for part in node.parts)


def _identifier(node: Any) -> str:
    return quoted_name(str(node.name))


def _literal(node: Any) -> str:
    return _text(str(node.this)) if node.is_string else str(node.this)


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _binary(sign: str) -> Callable[[Any], str]:
    return lambda node: f"({_print(node.this)} {sign} {_print(node.expression)})"


def _chain(kind: Any, word: str) -> Callable[[Any], str]:
    """AND and OR: DuckDB joins a chain of one of them into one list."""

    def render(node: Any) -> str:
        parts: list[str] = []
        pending: list[Any] = [node]
        while pending:
            part = pending.pop().unnest()
            if isinstance(part, kind):
                pending += [part.args["expression"], part.args["this"]]
            else:
                parts.append(_print(part))
        return f"({f' {word} '.join(parts)})"

    return render


def _like(node: Any, sign: str) -> str:
    sign = "!" + sign if node.args.get("negate") else sign
    return f"({_print(node.this)} {sign} {_print(node.expression)})"


def _not(node: Any) -> str:
    inner = node.this.unnest()
    if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null):
        return f"({_print(inner.this)} IS NOT NULL)"
    if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Boolean) and inner is node.this:
        return _is_truth(inner, "IS DISTINCT FROM")
    if isinstance(inner, exp.Like | exp.ILike) and not isinstance(node.this, exp.Paren):
        return _like(inner, "!~~" if isinstance(inner, exp.Like) else "!~~*")
    return f"(NOT {_print(node.this)})"


def _negative(node: Any) -> str:
    inner = node.this.unnest()
    if isinstance(inner, exp.Literal) and not inner.is_string:
        return f"-{_print(inner)}"
    if isinstance(inner, exp.Neg) and isinstance(inner.this.unnest(), exp.Literal):
        return _print(inner.this)
    return f"(-({_print(node.this)}))"


def _call(node: Any) -> str:
    name = str(node.name).lower()
    arguments = node.expressions
    if node.meta.get("method"):
        return f"{_print(arguments[0])}.{_function(name, arguments[1:])}"
    if name == "count" and (not arguments or isinstance(arguments[0], exp.Star)):
        return "count_star()"
    if name in ("coalesce", "ifnull"):
        name = "COALESCE"
    if name == "try":
        name = "TRY"
    if name in ("grouping", "grouping_id"):
        return f"GROUPING({', '.join(map(_print, arguments))})"
    order = ""
    if arguments and isinstance(arguments[-1], exp.Order):
        order = f" {_order(arguments[-1])}"
        arguments = [*arguments[:-1], arguments[-1].this]
    distinct = "DISTINCT " if len(arguments) == 1 and isinstance(arguments[0], exp.Distinct) else ""
    if distinct:
        arguments = arguments[0].expressions
    return _function(name, arguments, distinct, order)


def _order(node: Any) -> str:
    """ORDER BY inside a call; sqlglot does not tell NULLS LAST from nothing."""
    return f"ORDER BY {', '.join(map(_ordered, node.expressions))}"


def _window(node: Any) -> str:
    """call OVER (…): the frame is shown unless it is the default."""
    called = node.this
    nulls = ""
    if isinstance(called, exp.IgnoreNulls | exp.RespectNulls):
        nulls, called = f" {_NULLS[type(called)]}", called.this
    condition = ""
    if isinstance(called, exp.Filter):
        condition, called = f" FILTER (WHERE {_print(called.expression.this)})", called.this
    text = _print(called)
    # Some functions have another name here than on their own.
    for alone, over in _OVER_NAMES.items():
        if text.startswith(alone):
            text = over + text[len(alone) :]
    text = f"{text[:-1]}{nulls}){condition}" if nulls else text + condition
    return f"{text} OVER {_window_definition(node)}"


def _window_definition(node: Any) -> str:
    parts = _window_parts(node)
    return f"({' '.join(part for part in parts if part)})"


def _window_parts(node: Any) -> tuple[str, str, str]:
    """PARTITION BY, ORDER BY and the frame; those that a named window says are printed in its place."""
    partition, order, frame = "", "", ""
    base = node.args.get("alias")
    select = node.find_ancestor(exp.Select)
    if base is not None and select is not None:
        named = [each for each in select.args.get("windows") or [] if each.name.lower() == base.name.lower()]
        if named and named[0] is not node:
            partition, order, frame = _window_parts(named[0])
    if node.args.get("partition_by"):
        partition = f"PARTITION BY {', '.join(_print(each) for each in node.args['partition_by'])}"
    if node.args.get("order"):
        order = f"ORDER BY {', '.join(_ordered(each) for each in node.args['order'].expressions)}"
    if node.args.get("spec"):
        frame = _frame(node.args["spec"])
    return partition, order, frame


def _ordered(node: Any) -> str:
    direction = {True: " DESC", False: " ASC"}.get(node.args.get("desc"), "")
    return _print(node.this) + direction + (" NULLS FIRST" if node.args.get("nulls_first") else "")


def _frame(spec: Any) -> str:
    def bound(side: str) -> str:
        value = spec.args.get(side)
        if value is None or value == "CURRENT ROW":
            return "CURRENT ROW"
        shown = value if isinstance(value, str) else _print(value)
        return f"{shown} {str(spec.args[f'{side}_side']).upper()}"

    bounds = f"BETWEEN {bound('start')} AND {bound('end')}"
    excluded = spec.args.get("exclude")
    unit = str(spec.args["kind"]).upper()
    if (unit, bounds) == ("RANGE", "BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"):
        return "" if excluded is None else f"{unit} {bounds} EXCLUDE {excluded.name.upper()}"
    return f"{unit} {bounds}" + ("" if excluded is None else f" EXCLUDE {excluded.name.upper()}")


def _nulls(node: Any) -> str:
    return f"{_print(node.this)} {_NULLS[type(node)]}"


def _within_group(node: Any) -> str:
    name = node.this.name.lower()
    if name == "mode":
        return f"{_print(node.this)} WITHIN GROUP ( {_order(node.expression)})"
    return _function(name.replace("percentile", "quantile"), node.this.expressions, order=f" {_order(node.expression)}")


def _function(name: str, arguments: list[Any], distinct: str = "", order: str = "") -> str:
    shown = name if name in ("COALESCE", "TRY") else quoted_name(name)
    return f"{shown}({distinct}{', '.join(_print(each) for each in arguments if each is not None)}{order})"


def _case(node: Any) -> str:
    subject = node.args.get("this")
    parts = []
    for branch in node.args["ifs"]:
        condition = _print(branch.this)
        if subject is not None:
            condition = f"({_print(subject)} = {condition})"
        parts.append(f" WHEN ({condition}) THEN ({_print(branch.args['true'])})")
    default = node.args.get("default")
    return f"CASE {''.join(parts)} ELSE {'NULL' if default is None else _print(default)} END"


def _is(node: Any) -> str:
    if isinstance(node.expression, exp.Null):
        return f"({_print(node.this)} IS NULL)"
    return _is_truth(node, "IS NOT DISTINCT FROM")


def _is_truth(node: Any, sign: str) -> str:
    return f"(CAST({_print(node.this)} AS BOOLEAN) {sign} {_print(node.expression)})"


def _escape(node: Any) -> str:
    like = node.this
    name = "like_escape" if isinstance(like, exp.Like) else "ilike_escape"
    return _function(name, [like.this, like.expression, node.expression])


def _extract(node: Any) -> str:
    part = str(node.this.name)
    shown = part if isinstance(node.this, exp.Literal) or part.lower() in _UNITS else part.lower()
    return f"date_part('{shown}', {_print(node.expression)})"


def _cast(node: Any) -> str:
    return f"{'TRY_CAST' if isinstance(node, exp.TryCast) else 'CAST'}({_print(node.this)} AS {_type(node.args['to'])})"


def _type(node: Any) -> str:
    """The name of a type; those that are no words of DuckDB's grammar as most people write them, in lower case."""
    kind = str(getattr(node.this, "name", node.this))
    parts = node.expressions
    match kind:
        case "ARRAY" | "LIST" if parts:
            return f"{_type(parts[0])}[{''.join(str(size) for size in node.args.get('values') or [])}]"
        case "STRUCT":
            return "STRUCT(" + ", ".join(f"{quoted_name(part.name)} {_type(part.args['kind'])}" for part in parts) + ")"
        case "MAP":
            return f"MAP({', '.join(map(_type, parts))})"
        case "ENUM":
            return f"ENUM({', '.join(map(_literal, parts))})"
    written = written_sql(node)
    written = {"TEXT": "VARCHAR", "INT": "INTEGER", "REAL": "FLOAT", "INT128": "hugeint"}.get(written, written)
    return written if written.split("(")[0] in _GRAMMAR_TYPES else written.lower()


def _in(node: Any) -> str:
    if node.args.get("field") is not None:
        return _function("contains", [node.args["field"], node.this])
    return f"({_print(node.this)} IN ({', '.join(_print(each) for each in node.expressions)}))"


def _between(node: Any) -> str:
    return f"({_print(node.this)} BETWEEN {_print(node.args['low'])} AND {_print(node.args['high'])})"


def _trim(node: Any) -> str:
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position")), "trim")
    return _function(name, [node.this, node.args.get("expression")])


# Types that DuckDB prints in upper case whatever was typed.
_GRAMMAR_TYPES: Final = frozenset(
    {
        "BIGINT",
        "TINYINT",
        "BOOLEAN",
        "DECIMAL",
        "FLOAT",
        "INTEGER",
        "INTERVAL",
        "SMALLINT",
        "TIME",
        "TIMESTAMP",
        "VARCHAR",
    }
)

# Parts of a date that EXTRACT prints as typed; others in lower case.
_UNITS: Final = frozenset(
    {"year", "month", "day", "hour", "minute", "second", "millisecond", "microsecond", "week", "quarter", "decade"}
    | {"century", "millennium"}
)

_OVER_NAMES: Final = {
    "count_star()": "count()",
    '"first"(': "first_value(",
    '"last"(': "last_value(",
    '"mode"(': "mode(",
}
_NULLS: Final[dict[type, str]] = {exp.IgnoreNulls: "IGNORE NULLS", exp.RespectNulls: "RESPECT NULLS"}

_PRINTERS: Final[dict[type, Callable[[Any], str]]] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.ByteString: lambda node: _text(node.name),
    exp.RawString: lambda node: _text(node.name),
    exp.HexString: lambda node: f"X'{node.name}'",
    exp.PositionalColumn: lambda node: f"#{node.name}",
    exp.Collate: lambda node: f"{_print(node.this)} COLLATE {node.expression.name}",
    exp.StartsWith: _binary("^@"),
    exp.Glob: _binary("~~~"),
    exp.RegexpILike: lambda node: f"regexp_matches({_print(node.this)}, {_print(node.expression)}, 'i')",
    exp.Boolean: lambda node: "true" if node.this else "false",
    exp.Null: lambda node: "NULL",
    exp.Paren: lambda node: _print(node.this),
    exp.Star: lambda node: "*",
    exp.Add: _binary("+"),
    exp.Sub: _binary("-"),
    exp.Mul: _binary("*"),
    exp.Div: _binary("/"),
    exp.IntDiv: _binary("//"),
    exp.Mod: _binary("%"),
    exp.Pow: _binary("^"),
    exp.EQ: _binary("="),
    exp.NEQ: _binary("!="),
    exp.LT: _binary("<"),
    exp.LTE: _binary("<="),
    exp.GT: _binary(">"),
    exp.GTE: _binary(">="),
    exp.And: _chain(exp.And, "AND"),
    exp.Or: _chain(exp.Or, "OR"),
    exp.DPipe: _binary("||"),
    exp.NullSafeEQ: _binary("IS NOT DISTINCT FROM"),
    exp.NullSafeNEQ: _binary("IS DISTINCT FROM"),
    exp.ArrayContainsAll: _binary("@>"),
    exp.ArrayContainedBy: _binary("<@"),
    exp.ArrayOverlaps: _binary("&&"),
    exp.Distance: _binary("<->"),
    exp.CosineDistance: _binary("<=>"),
    exp.Like: lambda node: _like(node, "~~"),
    exp.ILike: lambda node: _like(node, "~~*"),
    exp.SimilarTo: lambda node: _function("regexp_full_match", [node.this, node.expression]),
    exp.RegexpLike: lambda node: _function("regexp_matches", [node.this, node.expression]),
    exp.Not: _not,
    exp.Neg: _negative,
    exp.Is: _is,
    exp.In: _in,
    exp.Between: _between,
    exp.Case: _case,
    exp.If: lambda node: _function("if", [node.this, node.args.get("true"), node.args.get("false")]),
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Anonymous: _call,
    exp.Filter: lambda node: f"{_print(node.this)} FILTER (WHERE {_print(node.expression.this)})",
    exp.Window: _window,
    exp.IgnoreNulls: _nulls,
    exp.RespectNulls: _nulls,
    exp.WithinGroup: _within_group,
    exp.Extract: _extract,
    exp.Escape: _escape,
    exp.CurrentCatalog: lambda node: "current_catalog",
    exp.CurrentDate: lambda node: "current_date",
    exp.CurrentTime: lambda node: "current_time",
    exp.CurrentTimestamp: lambda node: "current_timestamp",
    exp.CurrentUser: lambda node: "current_user",
    exp.Localtime: lambda node: "localtime",
    exp.Localtimestamp: lambda node: "localtimestamp",
    exp.SessionUser: lambda node: "session_user",
    exp.BitwiseNot: lambda node: f"(~({_print(node.this)}))",
    exp.BitwiseAnd: _binary("&"),
    exp.BitwiseOr: _binary("|"),
    exp.BitwiseLeftShift: _binary("<<"),
    exp.BitwiseRightShift: _binary(">>"),
    exp.Substring: lambda node: _function("substring", [node.this, node.args.get("start"), node.args.get("length")]),
    exp.Trim: _trim,
    exp.StrPosition: lambda node: _function("position", [node.this, node.args.get("substr")]),
}
