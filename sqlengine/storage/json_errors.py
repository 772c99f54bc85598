"""Find the first JSON value that does not fit its column: file, line, column, path within, value, and what helps.

Only ever run once reading has failed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlengine.errors import ConversionError, Error
from sqlengine.functions.json_casts import from_trees
from sqlengine.functions.json_tree import dump
from sqlengine.storage.format import Field
from sqlengine.storage.json_blocks import line_number
from sqlengine.storage.json_texts import Formats
from sqlengine.storage.json_values import Values, members_of, refuse_unknown, shorten
from sqlengine.types import SqlType, TypeKind

_Check = Callable[[Sequence[Any]], None]


def explain(
    path: str, values: Values, fields: Sequence[tuple[str | None, Field]], formats: Formats, known: SqlType | None
) -> Error:
    """The error of the first of `values` that `columns_of` with the same arguments refused."""
    unknown = None if known is None else _first(values.trees, partial(refuse_unknown, known=known))
    misfits = []
    for key, field in fields:
        found = _first(values.trees, partial(_convert, key=key, type_=field.type, formats=formats))
        if found is not None:
            misfits.append((found[0], key, field, found[1]))
    misfit = min(misfits, key=lambda one: one[0], default=None)
    if unknown is not None and (misfit is None or unknown[0] <= misfit[0]):
        return ConversionError(
            f"{_where(path, values, unknown[0])}: {unknown[1]}; look at more of the file (sample_size = -1),"
            " declare the columns (columns = {…}), or leave such members out (ignore_errors = true)"
        )
    if misfit is None:
        return ConversionError(f"{path!r} cannot be read")
    place, key, field, error = misfit
    where = f"{_where(path, values, place)}, column {field.name!r}"
    if isinstance(error, RecursionError):
        return ConversionError(f"{where}: a value is nested too deeply; leave the column out, or change the file")
    try:
        (value,) = members_of([values.trees[place]], key, False)
        trail, value, type_ = _first_misfit(value, field.type, formats)
        what = f"{f' at {shorten(trail)}' if trail else ''}: {shorten(dump(value))} is not a {type_}: {error}"
    except ConversionError:
        what = f": {error}"
    return ConversionError(
        f"{where}{what}; fix the value, look at more of the file (sample_size = -1), declare the type"
        f" (columns = {{{field.name!r}: 'JSON', …}}), or let it be NULL (ignore_errors = true)"
    )


def _first(trees: Sequence[Any], check: _Check) -> tuple[int, Exception] | None:
    """The number of the first value that `check` raises on, and what it raises; found by halving."""
    low, high = 0, len(trees)
    error = _raised(trees, check)
    if error is None:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        found = _raised(trees[low:middle], check)
        if found is None:
            low = middle
        else:
            high, error = middle, found
    return low, _raised(trees[low:high], check) or error


def _raised(trees: Sequence[Any], check: _Check) -> Exception | None:
    try:
        check(trees)
    except (ConversionError, RecursionError) as error:
        return error
    return None


def _convert(trees: Sequence[Any], key: str | None, type_: SqlType, formats: Formats) -> None:
    from_trees(members_of(trees, key, False), type_, False, formats.cast, True).arrow()


def _where(path: str, values: Values, place: int) -> str:
    start = values.places[place][0]
    return f"{path!r}, line {line_number(path, values.block.offset + len(values.text[:start].encode()))}"


def _first_misfit(tree: Any, type_: SqlType, formats: Formats) -> tuple[str, Any, SqlType]:
    """The path to the first value within `tree` that does not fit, the value, and the type it should be of."""
    children: list[tuple[str, Any, SqlType]] = []
    if type_.kind is TypeKind.STRUCT and isinstance(tree, dict):
        children = [(f".{name}", tree[name], child) for name, child in type_.children if name in dict.keys(tree)]
    elif type_.is_list and isinstance(tree, list):
        children = [(f"[{place}]", item, type_.element) for place, item in enumerate(tree)]
    elif type_.kind is TypeKind.MAP and isinstance(tree, dict):
        children = [(f".{name}", value, type_.children[1][1]) for name, value in tree.items()]
    for step, value, child in children:
        if _raised([value], partial(_convert, key=None, type_=child, formats=formats)) is not None:
            trail, found, wanted = _first_misfit(value, child, formats)
            return step + trail, found, wanted
    return "", tree, type_
