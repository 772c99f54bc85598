"""COPY … TO: a query whose columns are as the files want them, and where they go."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any, assert_never

from sqlglot import exp

from sqlengine.errors import BindError, NotSupportedError, SettingError, did_you_mean
from sqlengine.planner.bind_expression import ExpressionBinder
from sqlengine.planner.bind_parameter import Parameters, ParameterValues
from sqlengine.planner.bind_query import bind_query
from sqlengine.planner.bound import BoundQuery
from sqlengine.planner.catalog import Catalog
from sqlengine.planner.coerce import coerce
from sqlengine.planner.consume import Reader
from sqlengine.planner.context import BindContext, Evaluate
from sqlengine.planner.copy_options import CopyOptions, read_absent_credentials, target_of
from sqlengine.planner.expressions import Column, Expression, Literal
from sqlengine.planner.physical_write import WriteSpec
from sqlengine.planner.plan_build import project
from sqlengine.planner.scope import Scope
from sqlengine.planner.source import Source
from sqlengine.planner.statements import CopyTo
from sqlengine.storage.format import Field
from sqlengine.storage.output_files import Existing
from sqlengine.storage.schema import unique_names
from sqlengine.storage.writing import Cells, WritingFormat
from sqlengine.storage.writing_formats import (
    check_writing_options,
    compression,
    find_writing_format,
    writing_format_of,
)
from sqlengine.types import INTEGER, NULL, TIMESTAMP_UNITS, VARCHAR, SqlType, TypeKind


def bind_copy(tree: Any, source: Source, catalog: Catalog, parameters: Parameters, evaluate: Evaluate | None) -> CopyTo:
    """COPY (query) TO 'target' (options), COPY table TO ….

    Raises
    ------
    BindError
        A name does not resolve.
    NotSupportedError
        An option, or a column that the format cannot hold; names it.
    SettingError
        A value that an option does not take.
    """
    reader = Reader(source)
    context = BindContext(catalog, ParameterValues(parameters, tree, source), reader, evaluate=evaluate)
    reader.get(tree, "kind")
    try:
        query = bind_query(context, _query(reader, reader.get(tree, "this")), {})
    except RecursionError:
        raise NotSupportedError("the query is nested too deeply") from None
    (file,) = reader.all(tree, "files")
    options = CopyOptions(context, reader.all(tree, "params"))
    read_absent_credentials(reader, tree)
    with context.at(file):
        copy = _copy(context, query, target_of(context, file), options, tree)
    context.refuse_unread(tree)
    return copy


def _query(reader: Reader, this: Any) -> Any:
    if isinstance(this, exp.Subquery | exp.Select):
        return this
    columns: list[Any] = [exp.Star()]
    if isinstance(this, exp.Schema):
        columns = [exp.Column(this=each) for each in reader.all(this)]
        this = reader.get(this, "this")
    return exp.Select(expressions=columns, from_=exp.From(this=this))


def _copy(context: BindContext, query: BoundQuery, target: str, options: CopyOptions, tree: Any) -> CopyTo:
    named = options.text("format")
    # As in DuckDB a name that says nothing is one of a CSV file.
    format_ = find_writing_format(named) if named else writing_format_of(target) or find_writing_format("csv")
    names = unique_names(query.names)
    keys = _partition_keys(options, names)
    kept = range(len(names))
    if not options.flag("write_partition_columns"):
        kept = [number for number in kept if number not in keys]  # type: ignore[assignment]
        if not kept:
            raise BindError("all columns are partition columns; add WRITE_PARTITION_COLUMNS to have them in the files")
    existing = options.existing()
    file_bytes = options.size("file_size_bytes")
    own_files = options.flag("per_thread_output")
    if own_files and keys:
        raise SettingError("COPY takes one of PARTITION_BY and PER_THREAD_OUTPUT")
    is_folder = bool(keys or own_files or file_bytes) or target.endswith(("/", os.sep))
    if options.flag("use_tmp_file") is False:
        raise NotSupportedError("COPY without USE_TMP_FILE is not supported: files appear when they are whole")
    pattern, ending = options.text("filename_pattern"), options.text("file_extension")
    if not is_folder and (pattern or ending):
        raise SettingError(f"FILENAME_PATTERN and FILE_EXTENSION name files of a folder; {target!r} is one file")
    if not is_folder and existing is Existing.APPEND:
        raise NotSupportedError(f"APPEND adds files to a folder; {target!r} is one file")
    returns_files = bool(options.flag("return_files"))
    storage_options = options.take("storage_options")
    codec = compression(format_, options.text("compression"), "" if is_folder else target)
    formats = _Formats(options, format_)
    given = options.rest(dict(format_.options))
    check_writing_options(format_, given)
    if codec is not None:
        given["compression"] = codec
    columns = query.plan.columns
    cells = [_cell(context, columns[k], format_, formats, tree) for k in kept]
    types = [cell.type for cell in cells]
    format_.check([Field(names[k], kind) for k, kind in zip(kept, types, strict=True)], given)
    texts = [coerce(columns[k], VARCHAR) for k in keys]
    plan = project(context, query.plan, [*cells, *texts], [*(names[k] for k in kept), *(names[k] for k in keys)])
    spec = WriteSpec(
        format_.name,
        tuple(sorted((name, tuple(value) if isinstance(value, list) else value) for name, value in given.items())),
        tuple(names[k] for k in kept),
        tuple(names[k] for k in keys),
        is_folder,
        file_bytes,
        target=target,
    )
    return CopyTo(
        BoundQuery(plan, tuple(column.name for column in plan.columns), query.ordered),
        spec,
        target,
        existing,
        _checked_pattern(pattern),
        _checked_ending(ending) if ending is not None else format_.endings[0] + format_.codecs.get(codec or "none", ""),
        returns_files,
        storage_options,
    )


def _partition_keys(options: CopyOptions, names: tuple[str, ...]) -> list[int]:
    """The columns that PARTITION_BY names, in its order."""
    wanted = options.names("partition_by") or []
    known = {name.lower(): number for number, name in enumerate(names)}
    if wanted == ["*"]:
        return list(range(len(names)))
    keys: list[int] = []
    for name in wanted:
        if name.lower() not in known:
            raise BindError(f'PARTITION_BY names "{name}", which is no column.{did_you_mean(name, names)}')
        if known[name.lower()] in keys:
            raise BindError(f'PARTITION_BY names "{name}" twice')
        keys.append(known[name.lower()])
    return keys


def _checked_ending(ending: str) -> str:
    if not re.fullmatch(r"\.?\w[\w.-]*", ending):
        raise SettingError(f"FILE_EXTENSION takes letters, digits, '.', '_' and '-', not {ending!r}")
    return "." + ending.lstrip(".")


def _checked_pattern(pattern: str | None) -> str:
    if pattern is None:
        return "data_{i}"
    if not pattern or pattern.startswith((".", "_")) or any(sign in pattern for sign in ("/", os.sep, "\0")):
        raise SettingError("FILENAME_PATTERN is a name without '/' that does not begin with '.' or '_'")
    return pattern if "{i}" in pattern or "{uuid}" in pattern else pattern + "{i}"


class _Formats:
    """DATEFORMAT and TIMESTAMPFORMAT, of formats that hold texts."""

    def __init__(self, options: CopyOptions, format_: WritingFormat) -> None:
        self.date, self.timestamp = options.text("dateformat"), options.text("timestampformat")
        for given in (self.date, self.timestamp):
            if given is not None and format_.cells is Cells.VALUES:
                raise SettingError(f"DATEFORMAT and TIMESTAMPFORMAT are for texts; {format_.name} files hold dates")
            if given is not None and "%" not in given:
                raise NotSupportedError(f"the format {given!r} names no part of a date, such as %Y")

    def of(self, type_: SqlType) -> str | None:
        """The format for values of that type."""
        if type_.kind is TypeKind.DATE:
            return self.date
        return self.timestamp if type_.kind in TIMESTAMP_UNITS or type_.kind is TypeKind.TIMESTAMPTZ else None

    def within(self, type_: SqlType) -> bool:
        """Whether a format is wanted for something inside of values of that type."""
        return any(self.of(child) is not None or self.within(child) for _, child in type_.children)


def _cell(context: BindContext, column: Column, format_: WritingFormat, formats: _Formats, tree: Any) -> Expression:
    """A column as the format wants it."""
    pattern = formats.of(column.type)
    binder = ExpressionBinder(context, Scope(), "COPY")
    value: Expression = column
    if pattern is not None:
        value = binder.call("strftime", [column, Literal(pattern, VARCHAR)], tree)
    match format_.cells:
        case Cells.VALUES:
            return coerce(value, _known(value.type))
        case Cells.TEXT:
            return coerce(value, VARCHAR)
        case Cells.JSON:
            if formats.within(column.type):
                raise NotSupportedError(f'a DATEFORMAT for dates inside of column "{column.name}" is not supported')
            return binder.call("to_json", [value], tree)
        case _:
            assert_never(format_.cells)


def _known(type_: SqlType) -> SqlType:
    """The type with INTEGER for what is NULL everywhere, as in DuckDB."""
    if type_ == NULL:
        return INTEGER
    return replace(type_, children=tuple((name, _known(child)) for name, child in type_.children))
