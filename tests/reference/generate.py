"""Writes the pages of docs/reference from the code: `make docs`.

`functions.md` lists every function the registry has; `unsupported.md` what DuckDB has and this engine refuses: of the
functions in `duckdb_functions.txt`, those that are not registered, and of the queries in `syntax.txt`, those that are
refused. Both lists are data: extend them when DuckDB grows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import sqlengine
from sqlengine.errors import Error, NotSupportedError
from sqlengine.functions.overloads import ANY, ANY_DECIMAL, Overload, Overloaded
from sqlengine.functions.registry import (
    AggregateFunction,
    ScalarFunction,
    WindowFunction,
    find_aggregate,
    find_scalar,
    find_window,
    function_names,
)
from sqlengine.planner.parse import FOREIGN_WORDS
from sqlengine.types import SqlType

HERE = Path(__file__).parent
PAGES = HERE.parent.parent / "docs" / "reference"
_MOST_SIGNATURES = 6


def functions_page() -> str:
    """The text of functions.md."""
    parts = [
        "# Functions and operators",
        "",
        "Generated from the code by `make docs`. Every example is run by a test, here and in DuckDB.",
        "Functions are NULL where an argument is NULL, unless said otherwise.",
    ]
    scalars = [f for f in map(find_scalar, function_names()) if f is not None and f.alias_of is None]
    aggregates = [f for f in map(find_aggregate, function_names()) if f is not None and f.alias_of is None]
    operators = [f for f in scalars if not f.name[0].isalpha() or (f.usage and not f.usage.startswith(f.name))]
    named = [f for f in scalars if f not in operators]
    windows = [f for f in map(find_window, function_names()) if f is not None and f.alias_of is None]
    kinds: list[tuple[str, list[ScalarFunction] | list[AggregateFunction] | list[WindowFunction]]] = [
        ("Operators", operators),
        ("Scalar functions", named),
        ("Aggregate functions", aggregates),
        ("Window functions", windows),
    ]
    for title, functions in kinds:
        parts += ["", f"## {title}"]
        for function in functions:
            parts += ["", *_entry(function)]
    return "\n".join(parts) + "\n"


def _entry(function: ScalarFunction | AggregateFunction | WindowFunction) -> Iterator[str]:
    yield f"### `{function.name}`"
    yield ""
    others = [name for name in function_names() if _alias_of(name) == function.name]
    yield function.summary + (f" Also: {', '.join(f'`{name}`' for name in others)}." if others else "")
    yield ""
    yield "```sql"
    yield from _signatures(function)
    if function.example is not None:
        sql, answer = function.example
        yield ""
        yield sql if sql.startswith("SELECT") else f"SELECT {sql}"
        yield f"-- {answer}"
    yield "```"


def _alias_of(name: str) -> str | None:
    function = find_scalar(name) or find_aggregate(name) or find_window(name)
    return None if function is None else function.alias_of


def _signatures(function: ScalarFunction | AggregateFunction | WindowFunction) -> Iterator[str]:
    if function.usage:
        yield function.usage
        return
    if not isinstance(function.resolve, Overloaded):
        yield f"{function.name}(…)" if function.name[0].isalpha() else f"a {function.name} b"
        return
    overloads = function.resolve.overloads
    yield from (_signature(function.name, each) for each in overloads[:_MOST_SIGNATURES])
    if len(overloads) > _MOST_SIGNATURES:
        rest = ", ".join(dict.fromkeys(_type(p) for o in overloads[_MOST_SIGNATURES:] for p in o.parameters))
        yield f"-- and for {rest}"


def _signature(name: str, overload: Overload) -> str:
    types = [_type(each) for each in overload.parameters]
    if overload.rest is not None:
        types.append(f"{_type(overload.rest)}...")
    if name[0].isalpha():
        return f"{name}({', '.join(types)}) -> {_type(overload.result)}"
    return f"{f' {name} '.join(types) if len(types) > 1 else name + types[0]} -> {_type(overload.result)}"


def _type(sql_type: SqlType) -> str:
    if sql_type is ANY:
        return "any"
    return "DECIMAL" if sql_type is ANY_DECIMAL else str(sql_type)


def unsupported_page() -> str:
    """The text of unsupported.md."""
    known = set(function_names())
    missing = [name for name in (HERE / "duckdb_functions.txt").read_text().split() if name not in known]
    parts = [
        "# What is still refused",
        "",
        "Generated from the code by `make docs`. All of it ends in an error that names it, never in a wrong answer.",
        "",
        "## Statements",
        "",
        ", ".join(f"`{word}`" for word in sorted(FOREIGN_WORDS)),
        "",
        "## Functions of DuckDB",
        "",
        ", ".join(f"`{name}`" for name in missing),
        "",
        "## Syntax",
        "",
    ]
    return "\n".join(parts + [f"- `{sql}`: {message}" for sql, message in _refused_queries()]) + "\n"


def _refused_queries() -> Iterator[tuple[str, str]]:
    with sqlengine.connect(scheduler="inline") as connection:
        for sql in (HERE / "syntax.txt").read_text().splitlines():
            try:
                cursor = connection.execute(sql)
                if cursor.description is not None:
                    cursor.fetchall()
            except NotSupportedError as error:
                yield sql, error.message.splitlines()[0]
            except Error as error:
                yield sql, f"({type(error).__name__}) {error.message.splitlines()[0]}"


if __name__ == "__main__":
    PAGES.mkdir(exist_ok=True)
    (PAGES / "functions.md").write_text(functions_page())
    (PAGES / "unsupported.md").write_text(unsupported_page())
