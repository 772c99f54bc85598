"""Calls that mean an expression of other calls: `date_part(['year', 'month'], d)`, `from_json(text, structure)`, …"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from sqlengine.functions.patterns import group_count
from sqlengine.planner.bind_type import bind_type
from sqlengine.planner.coerce import coerce
from sqlengine.planner.expressions import Call, Case, Cast, Expression, Literal
from sqlengine.planner.rewriting import is_deterministic
from sqlengine.planner.session_zone import zoned_cast
from sqlengine.planner.tokens import dialect
from sqlengine.types import INTEGER, INTERVAL, JSON, NULL, VARCHAR, SqlType, list_of, struct_of

if TYPE_CHECKING:
    from sqlengine.planner.bind_expression import ExpressionBinder

Bind = Callable[["ExpressionBinder", Any, list[Any]], Expression]


def _texts(binder: ExpressionBinder, node: Any, name: str, tree: Any) -> list[str]:
    """The constants of a list of texts, which name the fields of a struct."""
    members = [binder.bind(each) for each in binder.reader.all(tree)]
    for flag in ("value_constructor", "bracket_notation"):
        binder.reader.get(tree, flag)
    texts = [each.value for each in members if isinstance(each, Literal) and isinstance(each.value, str)]
    if not texts or len(texts) != len(members):
        raise binder.context.error(f"{name}() takes a list of one or more constant texts", node)
    if len({text.lower() for text in texts}) < len(texts):
        raise binder.context.error(f"{name}(): a name stands twice in the list", node)
    return texts


def _struct(
    binder: ExpressionBinder, node: Any, source: Expression, names: list[str], values: list[Expression]
) -> Expression:
    """The struct of `values`, NULL where `source` is, which every one of them computes from."""
    if not is_deterministic(source):
        raise binder.context.refuse("a list of names with a value of chance is not supported", node)
    type_ = struct_of((name, value.type) for name, value in zip(names, values, strict=True))
    packed = Call("struct_pack", tuple(values), type_)
    return Case(((binder.call("is_null", [source], node), Literal(None, type_)),), packed, type_)


def _date_parts(binder: ExpressionBinder, node: Any, trees: list[Any]) -> Expression:
    """date_part(['year', 'month'], value): a struct of the parts."""
    if len(trees) != 2 or not isinstance(trees[0], exp.Array):
        return binder.call("date_part", [binder.bind(tree) for tree in trees], node)
    names = _texts(binder, node, "date_part", trees[0])
    moment = binder.bind(trees[1])
    values = [binder.call("date_part", [Literal(name, VARCHAR), moment], node) for name in names]
    return _struct(binder, node, moment, names, values)


def _groups(binder: ExpressionBinder, node: Any, trees: list[Any]) -> Expression:
    """regexp_extract(text, pattern, ['a', 'b'][, flags]): a struct of the pattern's groups."""
    if len(trees) not in (3, 4) or not isinstance(trees[2], exp.Array):
        return binder.call("regexp_extract", [binder.bind(tree) for tree in trees], node)
    names = _texts(binder, node, "regexp_extract", trees[2])
    text, pattern, *flags = (binder.bind(tree) for tree in (*trees[:2], *trees[3:]))
    if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
        raise binder.context.error("regexp_extract() with names of groups takes a constant pattern", node)
    count = group_count(pattern.value)
    if len(names) > count:
        raise binder.context.error(f"{len(names)} names are given, but the pattern has {count} groups", node)
    values = [
        binder.call("regexp_extract", [text, pattern, Literal(number, INTEGER), *flags], node)
        for number in range(1, len(names) + 1)
    ]
    return _struct(binder, node, text, names, values)


def _from_json(strict: bool) -> Bind:
    """json_transform(json, structure): the document as the type that the structure, itself JSON, describes."""

    def bind(binder: ExpressionBinder, node: Any, trees: list[Any]) -> Expression:
        if len(trees) != 2:
            raise binder.context.error('it takes JSON and a structure: from_json(json, \'{"a": "INTEGER"}\')', node)
        document, structure = (binder.bind(tree) for tree in trees)
        while isinstance(structure, Cast):
            structure = structure.operand
        if not isinstance(structure, Literal) or not isinstance(structure.value, str):
            raise binder.context.error("the structure has to be a constant", node)
        try:
            shape = json.loads(structure.value)
        except ValueError:
            raise binder.context.error(f"the structure is not JSON: {structure.value}", node) from None
        if document.type == NULL:
            return document
        with binder.context.at(node):
            target = _shaped(binder, node, shape)
            return Cast(Cast(coerce(document, JSON), JSON), target, not strict)

    return bind


def _shaped(binder: ExpressionBinder, node: Any, shape: Any) -> SqlType:
    match shape:
        case str():
            return _type_called(binder, node, shape)
        case [element]:
            return list_of(_shaped(binder, node, element))
        case dict() if shape:
            return struct_of((name, _shaped(binder, node, field)) for name, field in shape.items())
        case _:
            raise binder.context.error("a structure is made of names of types, lists of one, and objects", node)


def _type_called(binder: ExpressionBinder, node: Any, name: str) -> SqlType:
    from sqlglot import ParseError

    try:
        (tree,) = dialect().parse_into(exp.DataType, name)
    except ParseError:
        tree = None
    if not isinstance(tree, exp.DataType):
        raise binder.context.error(f"the structure names a type that does not exist: {name!r}", node)
    return bind_type(tree, binder.reader)


def _ago(binder: ExpressionBinder, node: Any, trees: list[Any]) -> Expression:
    """ago(interval): so long before now."""
    if len(trees) != 1:
        raise binder.context.error("ago() takes an interval", node)
    with binder.context.at(node):
        return binder.call("-", [binder.call("now", [], node), coerce(binder.bind(trees[0]), INTERVAL)], node)


def _cast_to_type(binder: ExpressionBinder, node: Any, trees: list[Any]) -> Expression:
    """cast_to_type(value, other): the value as the type of the other, which is not computed."""
    if len(trees) != 2:
        raise binder.context.error("cast_to_type() takes a value and one of the type wanted", node)
    value, other = (binder.bind(tree) for tree in trees)
    with binder.context.at(node):
        return zoned_cast(value, other.type)


def _like_escape(name: str, negated: bool) -> Bind:
    """like_escape(text, pattern, escape): text LIKE pattern ESCAPE escape."""

    def bind(binder: ExpressionBinder, node: Any, trees: list[Any]) -> Expression:
        if len(trees) != 3:
            raise binder.context.error("it takes a text, a pattern and an escape character", node)
        found = binder.call(name, [binder.bind(tree) for tree in trees], node)
        return binder.call("not", [found], node) if negated else found

    return bind


WRITTEN_OUT: Final[dict[str, Bind]] = {
    "date_part": _date_parts,
    "datepart": _date_parts,
    "regexp_extract": _groups,
    "json_transform": _from_json(strict=False),
    "from_json": _from_json(strict=False),
    "json_transform_strict": _from_json(strict=True),
    "from_json_strict": _from_json(strict=True),
    "ago": _ago,
    "cast_to_type": _cast_to_type,
    "like_escape": _like_escape("like", negated=False),
    "not_like_escape": _like_escape("like", negated=True),
    "ilike_escape": _like_escape("ilike", negated=False),
    "not_ilike_escape": _like_escape("ilike", negated=True),
}
