"""DESCRIBE and SUMMARIZE of a query or a table, which are queries themselves: they may stand in FROM."""

from __future__ import annotations

from typing import Any, Final

from sqlglot import exp

from sqlengine.planner.bound import BoundQuery
from sqlengine.planner.context import BindContext, CommonTables
from sqlengine.planner.expressions import Literal
from sqlengine.planner.logical import Values
from sqlengine.planner.tokens import dialect
from sqlengine.types import NULL, VARCHAR, SqlType

_DESCRIPTION: Final = ("column_name", "column_type", "null", "key", "default", "extra")


def query_of(node: Any) -> Any:
    """What DESCRIBE or SUMMARIZE is about, as a query: of a table, all of it."""
    this = node.this
    if not isinstance(this, exp.Table):
        return this
    return exp.Select(expressions=[exp.Star()], from_=exp.From(this=this))


def bind_describe(context: BindContext, node: Any, tables: CommonTables) -> BoundQuery:
    """One row a column: its name and type."""
    for flag in ("this", "as_json"):
        context.reader.get(node, flag)
    inner = _inner(context, query_of(node), tables)
    columns = tuple(context.column(name, VARCHAR) for name in _DESCRIPTION)
    nothing = Literal(None, VARCHAR)
    rows = tuple(
        (Literal(name, VARCHAR), Literal(column.type.nested_name, VARCHAR), Literal("YES", VARCHAR), *(nothing,) * 3)
        for name, column in zip(inner.names, inner.plan.columns, strict=True)
    )
    return BoundQuery(Values(columns, rows), _DESCRIPTION)


def bind_summarize(context: BindContext, node: Any, tables: CommonTables) -> BoundQuery:
    """One row a column: figures of its values."""
    for flag in ("this", "table"):
        context.reader.get(node, flag)
    query = query_of(node)
    inner = _inner(context, query, tables)
    types = [column.type for column in inner.plan.columns]
    (tree,) = dialect().parse(_figures(inner.names, types))
    names = [exp.to_identifier(f"c{position}") for position in range(len(types))]
    source = exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier("t"), columns=names))
    tree.set("from_", exp.From(this=source))
    return _inner(context, tree, tables)


def _inner(context: BindContext, tree: Any, tables: CommonTables) -> BoundQuery:
    from sqlengine.planner.bind_query import bind_query

    return bind_query(context, tree, tables)


def _figures(names: tuple[str, ...], types: list[SqlType]) -> str:
    """The SELECT list: all of a column's figures in one aggregate row, from which lists make a row for each column."""
    figures: dict[str, list[str]] = {
        "column_name": [exp.Literal.string(name).sql() for name in names],
        "column_type": [exp.Literal.string(str(type_)).sql() for type_ in types],
    }
    for position, type_ in enumerate(types):
        for title, figure in _figures_of(f"c{position}", type_).items():
            figures.setdefault(title, []).append(figure)
    return "SELECT " + ", ".join(f"unnest([{', '.join(each)}]) AS {title}" for title, each in figures.items())


def _figures_of(name: str, type_: SqlType) -> dict[str, str]:
    measured = type_.is_numeric or type_.is_temporal
    quantiles = {
        f"q{share}": f"approx_quantile({name}, 0.{share})::VARCHAR" if measured else "NULL::VARCHAR"
        for share in (25, 50, 75)
    }
    extreme = "any_value" if type_ == NULL else ""
    # Hundredths of a percent, rounded half up in whole numbers.
    missing = f"((count(*) - count({name})) * 20000 + count(*)) // (2 * count(*))"
    return {
        "min": f"{extreme or 'min'}({name})::VARCHAR",
        "max": f"{extreme or 'max'}({name})::VARCHAR",
        "approx_unique": f"approx_count_distinct({name})",
        "avg": f"avg({name})::VARCHAR" if measured else "NULL::VARCHAR",
        "std": f"stddev({name})::VARCHAR" if type_.is_numeric else "NULL::VARCHAR",
        **quantiles,
        "count": "count(*)",
        "null_percentage": f"CASE WHEN count(*) > 0 THEN ({missing} * 0.01::DECIMAL(3, 2))::DECIMAL(9, 2) END",
    }
