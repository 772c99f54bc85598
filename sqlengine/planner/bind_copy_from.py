"""COPY table FROM 'file': the INSERT that it stands for."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from sqlengine.errors import SettingError, did_you_mean
from sqlengine.planner.bind_parameter import Parameters, ParameterValues
from sqlengine.planner.catalog import Catalog
from sqlengine.planner.consume import Reader
from sqlengine.planner.context import BindContext
from sqlengine.planner.copy_options import CopyOptions, read_absent_credentials, target_of
from sqlengine.planner.source import Source
from sqlengine.storage.formats import find_format, format_of
from sqlengine.storage.type_names import parse_nested_type_name
from sqlengine.types import SqlType


def insert_tree(tree: Any, source: Source, catalog: Catalog, parameters: Parameters) -> Any:
    """`INSERT INTO table (columns) SELECT … FROM read_<format>('file', options)`, as a syntax tree.

    CSV and JSON are read as the types of the table, nothing is guessed; types that their readers do not have are cast
    from text. Columns of JSON are found by name, those of other formats by position, as in DuckDB. A name that says
    nothing is one of a CSV file.

    Raises
    ------
    BindError
        The table or a column does not exist.
    """
    reader = Reader(source)
    context = BindContext(catalog, ParameterValues(parameters, tree, source), reader)
    reader.get(tree, "kind")
    this = reader.get(tree, "this")
    types = _types_of(context, this)
    (file,) = reader.all(tree, "files")
    path = target_of(context, file)
    options = CopyOptions(context, reader.all(tree, "params"))
    named = options.text("format")
    known = (find_format(named) if named else format_of(path)) or find_format("csv")
    name = known.name
    layout: dict[str, object] = {}
    if name == "json" and options.flag("array"):
        layout = {"format": "array"}
    given = {**options.rest(known.options), **layout}
    columns: list[Any] = [exp.Star()]
    if name in ("csv", "json"):
        given["columns"] = {column: _readable(type_, name) for column, type_ in types.items()}
    if name == "json":
        columns = [exp.Column(this=exp.to_identifier(column, quoted=True)) for column in types]
    read_absent_credentials(reader, tree)
    reader.skip(this)
    reader.refuse_unread(tree)
    call = exp.Anonymous(
        this=f"read_{name}",
        expressions=[
            exp.Literal.string(path),
            *(exp.Kwarg(this=exp.to_identifier(k), expression=_constant(v)) for k, v in given.items()),
        ],
    )
    query = exp.Select(expressions=columns, from_=exp.From(this=exp.Table(this=call)))
    return exp.Insert(this=this, expression=query)


def _types_of(context: BindContext, this: Any) -> dict[str, SqlType]:
    """The columns that are filled, in the order in which COPY names them, with their types."""
    table = this.this if isinstance(this, exp.Schema) else this
    if not isinstance(table, exp.Table):
        raise context.error("COPY … FROM fills a table: COPY table FROM 'file'", this)
    found = context.catalog.table((table.name,))
    if found is None:
        hint = did_you_mean(table.name, context.catalog.table_names())
        raise context.error(f'there is no table "{table.name}".{hint}', table)
    types = {field.name.lower(): (field.name, field.type) for field in found.fields}
    wanted = [each.name for each in this.expressions] if isinstance(this, exp.Schema) else list(types)
    for column in wanted:
        if column.lower() not in types:
            raise context.error(f'table "{table.name}" has no column "{column}".{did_you_mean(column, types)}', this)
    return dict(types[column.lower()] for column in wanted)


def _readable(type_: SqlType, format_name: str) -> str:
    """The type as which the values of a column of type `type_` are read."""
    try:
        parse_nested_type_name(type_)
    except SettingError:
        # JSON's texts of nested values are not those that VARCHAR is cast from.
        return "JSON" if format_name == "json" and type_.is_nested else "VARCHAR"
    return str(type_)


def _constant(value: object) -> Any:
    if isinstance(value, dict):
        members = [
            exp.PropertyEQ(this=exp.to_identifier(k, quoted=True), expression=_constant(v)) for k, v in value.items()
        ]
        return exp.Struct(expressions=members)
    if isinstance(value, list):
        return exp.Array(expressions=[_constant(each) for each in value])
    return exp.convert(value)
