"""Stars: `*`, `t.*`, their EXCLUDE, REPLACE, RENAME and patterns, and COLUMNS(…).

An expression with COLUMNS(…) in it stands for as many expressions as that names columns: `each_column` walks over them,
and meanwhile the context knows what the COLUMNS node means (`BindContext.given`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from sqlengine.errors import did_you_mean
from sqlengine.planner.coerce import coerce
from sqlengine.planner.constant import values_over
from sqlengine.planner.expressions import Column, Expression, Literal
from sqlengine.planner.scope import Scope
from sqlengine.types import BOOLEAN, VARCHAR, SqlType, TypeKind

if TYPE_CHECKING:
    from sqlengine.planner.bind_expression import ExpressionBinder

# `* SIMILAR TO` matches a part of the name, unlike the operator and `* NOT SIMILAR TO`.
_PATTERNS: Final[dict[type, str]] = {
    exp.Like: "like",
    exp.ILike: "ilike",
    exp.Glob: "~~~",
    exp.SimilarTo: "regexp_matches",
}


@dataclass(frozen=True, slots=True)
class Starred:
    """One of the columns a star stands for; `tree` is what REPLACE put in its place, or None."""

    name: str
    expression: Expression
    tree: Any = None


def star_of(tree: Any) -> Any:
    """The star that an item of the select list is: `*`, `t.*`, or one of them with a pattern; None for all others."""
    inner = tree.this if isinstance(tree, exp.Not) else tree
    if type(inner) in _PATTERNS:
        inner = inner.this
    elif inner is not tree:
        # NOT *
        return inner if _is_star(inner) and _star(inner).args.get("ilike") else None
    return inner if _is_star(inner) else None


def bind_star(binder: ExpressionBinder, tree: Any) -> list[Starred]:
    """The columns that `tree`, for which `star_of` gives a star, stands for.

    Raises
    ------
    BindError
        There are none, or a name in EXCLUDE or REPLACE is none of them.
    """
    reader = binder.reader
    star = star_of(tree)
    columns = _bind_plain(binder, star)
    negated = isinstance(tree, exp.Not)
    inner = reader.get(tree, "this") if negated else tree
    name, pattern = "ilike", reader.get(_star(star), "ilike")
    if inner is not star:
        name, pattern = _PATTERNS[type(inner)], reader.get(inner, "expression")
        reader.get(inner, "this")
        negated ^= bool(reader.get(inner, "negate"))
        if negated and isinstance(inner, exp.SimilarTo):
            name = "regexp_full_match"
    if pattern is not None:
        matched = _matches(binder, name, columns, pattern)
        columns = [each for each, matches in zip(columns, matched, strict=True) if matches is not negated]
    if not columns:
        raise binder.context.error("the star stands for no column", tree)
    return columns


def each_column(binder: ExpressionBinder, tree: Any) -> Iterator[Starred | None]:
    """Once for each column that the COLUMNS(…) in `tree` stand for, then bound as that column; once with None if
    there is no COLUMNS.

    Raises
    ------
    BindError
        Two of them stand for different columns, or one for none.
    """
    nodes = _columns_nodes(tree)
    if not nodes:
        yield None
        return
    first, *others = (_named_columns(binder, node) for node in nodes)
    if any(other != first for other in others):
        raise binder.context.error("the COLUMNS(…) of one expression must all name the same columns", tree)
    for starred in first:
        # What was given last stays: an alias of the expression means its last column.
        binder.context.given.update((id(node), starred.expression) for node in nodes)
        yield starred


def unpack(binder: ExpressionBinder, call: Any) -> list[Any]:
    """The arguments of a call, with `*COLUMNS(…)` replaced, in the tree too, by the columns it stands for."""
    reader = binder.reader
    trees = reader.all(call)
    if not any(isinstance(tree, exp.Columns) and tree.args.get("unpack") for tree in trees):
        return trees
    unpacked: list[Any] = []
    for tree in trees:
        if not isinstance(tree, exp.Columns) or not tree.args.get("unpack"):
            unpacked.append(tree)
            continue
        for starred in _named_columns(binder, tree):
            column = exp.column(starred.name, table=_owner(binder.scope, starred.expression))
            binder.context.given[id(column)] = starred.expression
            reader.skip(column)
            unpacked.append(column)
    call.set("expressions", unpacked)
    return unpacked


def _owner(scope: Scope, expression: Expression) -> str | None:
    """What the relation of a column is called in headers."""
    for relation in scope.relations:
        if expression in relation.columns:
            return relation.name or "unnamed_subquery"
    return None


def multiplied_name(alias: str, tree: Any, starred: Starred) -> str:
    r"""What an expression with COLUMNS('regex') AS 'alias' is called.

    The alias may refer to groups of the match, and to the column's whole name as `\0`.
    """
    if "\\" not in alias:
        return alias
    patterns = [node.this.name for node in _columns_nodes(tree) if isinstance(node.this, exp.Literal)]
    match = re.search(patterns[0] if patterns else ".*", starred.name)
    return alias if match is None else match.expand(alias.replace("\\0", starred.name.replace("\\", "\\\\")))


def _columns_nodes(tree: Any) -> list[Any]:
    """COLUMNS(…) in an expression, not those of queries and FILTER clauses inside it, nor unpacked ones."""
    return [
        node
        for node in tree.walk(prune=lambda node: isinstance(node, exp.Query | exp.Where))
        if isinstance(node, exp.Columns) and not node.args.get("unpack")
    ]


def _named_columns(binder: ExpressionBinder, node: Any) -> list[Starred]:
    """What COLUMNS(…) stands for: a star, a regular expression, a list of names, or a condition on names."""
    context, reader = binder.context, binder.reader
    what = reader.get(node, "this")
    if _is_star(what):
        return bind_star(binder, what)
    columns = _all_columns(binder, ())
    match what:
        case exp.Lambda():
            parameters = reader.all(what)
            if len(parameters) != 1:
                raise context.error("the lambda of COLUMNS(…) has one parameter: a column's name", node)
            body = reader.get(what, "this")
            reader.get(what, "colon")
            variable = reader.name(parameters[0])
            chosen = _of_names(binder, body, variable, [each.name for each in columns], BOOLEAN)
            kept = [each for each, choice in zip(columns, chosen, strict=True) if choice is True]
        case exp.Array():
            reader.get(what, "value_constructor")
            reader.get(what, "bracket_notation")
            names = [name.lower() for tree in reader.all(what) for name in _listed_names(binder, tree, columns)]
            kept = [each for each in columns if each.name.lower() in names]
            unknown = set(names) - {each.name.lower() for each in columns}
            if unknown:
                raise context.error(f'COLUMNS: there is no column "{min(unknown)}"', node)
        case _:
            matched = _matches(binder, "regexp_matches", columns, what)
            kept = [each for each, matches in zip(columns, matched, strict=True) if matches]
    if not kept:
        raise context.error("COLUMNS(…) names no column", node)
    return kept


def _listed_names(binder: ExpressionBinder, tree: Any, columns: list[Starred]) -> list[str]:
    """Names of a list: texts, or `name for name in (*) if condition`."""
    reader = binder.reader
    variable, value, condition = "", tree, None
    names = [""]
    if isinstance(tree, exp.Comprehension):
        variable = reader.name(reader.get(tree, "expression"))
        if not _is_star(reader.unwrap(reader.get(tree, "iterator"))):
            raise reader.unknown(tree)
        value, condition = reader.get(tree, "this"), reader.get(tree, "condition")
        names = [each.name for each in columns]
    if condition is not None:
        chosen = _of_names(binder, condition, variable, names, BOOLEAN)
        names = [name for name, choice in zip(names, chosen, strict=True) if choice is True]
    return [str(found) for found in _of_names(binder, value, variable, names, VARCHAR)]


def _matches(binder: ExpressionBinder, function: str, columns: list[Starred], pattern: Any) -> list[bool]:
    """Whether columns' names match a pattern, by one of the functions that compare a text with one."""
    name = binder.context.column("name", VARCHAR)
    matched = binder.call(function, [name, binder.bind(pattern)], pattern)
    return [value is True for value in _values(binder, matched, name, [each.name for each in columns], pattern)]


def _of_names(
    binder: ExpressionBinder, tree: Any, variable: str, names: Sequence[str], type_: SqlType
) -> Sequence[object]:
    """The values of an expression over a variable that holds each of the columns' names in turn, as `type_`."""
    parameter = binder.context.column(variable, VARCHAR)
    inner = type(binder)(binder.context, Scope(), "COLUMNS")
    inner.lambdas = [{variable.lower(): parameter}]
    with binder.context.at(tree):
        value = coerce(inner.bind(tree), type_)
    return _values(binder, value, parameter, names, tree)


def _values(
    binder: ExpressionBinder, expression: Expression, name: Column, names: Sequence[str], tree: Any
) -> Sequence[object]:
    with binder.context.at(tree):
        values = values_over(expression, name, names)
    if values is None:
        raise binder.context.error("this cannot be decided from the names of columns alone", tree)
    return values


# -- plain stars --------------------------------------------------------------------------------


def _is_star(tree: Any) -> bool:
    return isinstance(tree, exp.Star) or (isinstance(tree, exp.Column) and isinstance(tree.this, exp.Star))


def _star(tree: Any) -> Any:
    return tree if isinstance(tree, exp.Star) else tree.this


def _bind_plain(binder: ExpressionBinder, tree: Any) -> list[Starred]:
    """`*` or `t.*`, with EXCLUDE, REPLACE and RENAME."""
    context, reader = binder.context, binder.reader
    qualifiers: tuple[str, ...] = ()
    star = tree
    if isinstance(tree, exp.Column):
        star = reader.get(tree, "this")
        parts = [reader.get(tree, part) for part in ("catalog", "db", "table")]
        qualifiers = tuple(reader.name(part).lower() for part in parts if part is not None)
    with context.at(tree):
        columns = _fields(binder, qualifiers, tree) or _all_columns(binder, qualifiers)
    if not columns:
        raise context.error("* needs a FROM clause", tree)
    excluded = _excluded(binder, star, columns)
    replaced: dict[str, tuple[str, Any]] = {}
    for each in reader.all(star, "replace"):
        name = reader.name(reader.get(each, "alias"))
        if name.lower() in replaced:
            raise context.error(f'REPLACE names the column "{name}" twice', each)
        replaced[name.lower()] = name, reader.get(each, "this")
    renamed = {}
    for each in reader.all(star, "rename"):
        old = reader.get(each, "this")
        renamed[reader.name(reader.get(old, "this")).lower()] = reader.name(reader.get(each, "alias"))
    names = {column.name.lower() for column in columns}
    for name, (spelling, tree_) in replaced.items():
        if name not in names:
            raise context.error(f'REPLACE: there is no column "{spelling}".{did_you_mean(name, names)}', tree_)
    for name in (*replaced, *renamed):
        if name in excluded:
            raise context.error(f'the column "{name}" is excluded and cannot be replaced or renamed, too', tree)
    kept = []
    for column in columns:
        key = column.name.lower()
        if key in replaced:
            spelling, tree_ = replaced[key]
            kept.append(Starred(renamed.get(key, spelling), binder.bind(tree_), tree_))
        elif key not in excluded and column.expression not in excluded:
            kept.append(Starred(renamed.get(key, column.name), column.expression))
    if not kept:
        raise context.error("EXCLUDE leaves no column", tree)
    return kept


def _fields(binder: ExpressionBinder, qualifiers: tuple[str, ...], tree: Any) -> list[Starred]:
    """The fields of the struct that `value.*` names; none if it is about a relation."""
    if len(qualifiers) != 1 or binder.scope.knows(qualifiers):
        return []
    value = binder.scope.find(qualifiers[0])
    if value is None:
        return []
    if value.type.kind is not TypeKind.STRUCT:
        raise binder.context.error(f"{qualifiers[0]}.* needs a table or a struct, not {value.type}", tree)
    return [
        Starred(name, binder.call("struct_extract", [value, Literal(name, VARCHAR)], tree))
        for name, _ in value.type.children
    ]


def _all_columns(binder: ExpressionBinder, qualifiers: tuple[str, ...]) -> list[Starred]:
    return [Starred(name, expression) for name, expression in binder.scope.star(qualifiers)]


def _excluded(binder: ExpressionBinder, star: Any, columns: list[Starred]) -> set[object]:
    """Names, in lower case, and columns (`EXCLUDE (t.x)`) that are left out."""
    context, reader = binder.context, binder.reader
    names = {column.name.lower() for column in columns}
    excluded: set[object] = set()
    for each in reader.all(star, "except_"):
        entry: object
        if isinstance(each, exp.Column) and each.args.get("table") is not None:
            entry = binder.bind(each)
            known = any(column.expression == entry for column in columns)
        else:
            entry = reader.name(reader.get(each, "this") if isinstance(each, exp.Column) else each).lower()
            known = entry in names
        if not known:
            raise context.error(f'EXCLUDE: there is no column "{each.name}".{did_you_mean(each.name, names)}', each)
        if entry in excluded:
            raise context.error(f'EXCLUDE names the column "{each.name}" twice', each)
        excluded.add(entry)
    return excluded
