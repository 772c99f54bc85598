"""What a session says of itself: SHOW ALL TABLES, information_schema, duckdb_tables() and its like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import pyarrow as pa

from sqlengine.config import SETTINGS, Settings
from sqlengine.errors import BindError, FileMissingError, did_you_mean
from sqlengine.result import Result, ResultColumn
from sqlengine.storage.files.isolation import look
from sqlengine.storage.filesystem import list_files
from sqlengine.types import BOOLEAN, VARCHAR, SqlType, list_of

Columns = Sequence[tuple[str, SqlType]]

#: DuckDB's names of the one database and schema there are.
DATABASE: Final = "memory"
SCHEMA: Final = "main"


Tables = Callable[[], Iterable[tuple[str, bool, Columns]]]


def information_function(name: str, arguments: Sequence[object], tables: Tables, settings: Settings) -> pa.Table | None:
    """duckdb_tables(), duckdb_views(), duckdb_columns(), duckdb_settings(), pragma_table_info(table), glob(pattern),
    read_hdf5_objects(pattern), read_hdf5_attributes(pattern).

    None for any other function. They have those columns of DuckDB's that say something here.

    Raises
    ------
    BindError
        pragma_table_info() of a table that does not exist.
    """
    match name, *arguments:
        case ["duckdb_tables"]:
            return _relations("table_name", [each for each in tables() if not each[1]])
        case ["duckdb_views"]:
            return _relations("view_name", [each for each in tables() if each[1]])
        case ["duckdb_columns"]:
            return _columns(tables())
        case ["duckdb_settings"]:
            return settings_table(settings)
        case ["pragma_table_info", str() as table]:
            return _table_info(table, list(tables()))
        case ["glob", str() as pattern]:
            return files_table(pattern)
        case ["read_hdf5_objects", str() as pattern]:
            from sqlengine.storage.hdf5_listing import objects_table

            return look([pattern], objects_table, pattern)
        case ["read_hdf5_attributes", str() as pattern]:
            from sqlengine.storage.hdf5_listing import attributes_table

            return look([pattern], attributes_table, pattern)
        case _:
            return None


def _relations(title: str, found: Sequence[tuple[str, bool, Columns]]) -> pa.Table:
    place = {"database_name": [DATABASE] * len(found), "schema_name": [SCHEMA] * len(found)}
    table = _text_table({**place, title: [name for name, _, _ in found]})
    for flag in ("internal", "temporary"):
        table = table.append_column(flag, pa.array([False] * len(found), pa.bool_()))
    return table.append_column("column_count", pa.array([len(columns) for _, _, columns in found], pa.int64()))


def _columns(tables: Iterable[tuple[str, bool, Columns]]) -> pa.Table:
    rows = [(table, number, *each) for table, _, columns in tables for number, each in enumerate(columns, 1)]
    return pa.table(
        {
            "database_name": pa.array([DATABASE] * len(rows), pa.string()),
            "schema_name": pa.array([SCHEMA] * len(rows), pa.string()),
            "table_name": pa.array([row[0] for row in rows], pa.string()),
            "column_name": pa.array([row[2] for row in rows], pa.string()),
            "column_index": pa.array([row[1] for row in rows], pa.int32()),
            "internal": pa.array([False] * len(rows), pa.bool_()),
            "is_nullable": pa.array([True] * len(rows), pa.bool_()),
            "data_type": pa.array([str(row[3]) for row in rows], pa.string()),
        }
    )


def _table_info(name: str, tables: Sequence[tuple[str, bool, Columns]]) -> pa.Table:
    columns = next((columns for each, _, columns in tables if each.lower() == name.lower()), None)
    if columns is None:
        raise BindError(f'there is no table "{name}".{did_you_mean(name, [each for each, _, _ in tables])}')
    return pa.table(
        {
            "cid": pa.array(range(len(columns)), pa.int32()),
            "name": pa.array([title for title, _ in columns], pa.string()),
            "type": pa.array([str(type_) for _, type_ in columns], pa.string()),
            "notnull": pa.array([False] * len(columns), pa.bool_()),
            "dflt_value": pa.nulls(len(columns), pa.string()),
            "pk": pa.array([False] * len(columns), pa.bool_()),
        }
    )


def information_schema(name: str, tables: Tables) -> pa.Table | None:
    """information_schema.tables, columns and schemata: the columns of DuckDB's that say something here.

    `tables` gives (name, whether it is a view, columns) of each table.
    """
    match name.lower():
        case "schemata":
            return _text_table({"catalog_name": [DATABASE], "schema_name": [SCHEMA]})
        case "tables":
            found = list(tables())
            return _text_table(
                {
                    "table_catalog": [DATABASE] * len(found),
                    "table_schema": [SCHEMA] * len(found),
                    "table_name": [name for name, _, _ in found],
                    "table_type": ["VIEW" if is_view else "BASE TABLE" for _, is_view, _ in found],
                }
            )
        case "columns":
            rows = [(table, k, *column) for table, _, columns in tables() for k, column in enumerate(columns, 1)]
            text = _text_table(
                {
                    "table_catalog": [DATABASE] * len(rows),
                    "table_schema": [SCHEMA] * len(rows),
                    "table_name": [row[0] for row in rows],
                    "column_name": [row[2] for row in rows],
                    "data_type": [str(row[3]) for row in rows],
                    "is_nullable": ["YES"] * len(rows),
                }
            )
            return text.add_column(4, "ordinal_position", pa.array([row[1] for row in rows], pa.int32()))
        case _:
            return None


def files_table(pattern: str) -> pa.Table:
    """glob(pattern): the files it matches, in order; none is no error."""
    try:
        files = [each.path for each in list_files(pattern)]
    except FileMissingError:
        files = []
    return _text_table({"file": files})


def settings_table(settings: Settings) -> pa.Table:
    """duckdb_settings(): name, value, description."""
    shown = [(each.name, settings[each.name], each.meaning) for each in SETTINGS.values()]
    return _text_table(
        {
            "name": [name for name, _, _ in shown],
            "value": [None if value is None else str(value) for _, value, _ in shown],
            "description": [meaning for _, _, meaning in shown],
        }
    )


def all_tables(tables: Iterable[tuple[str, bool, Columns]]) -> Result:
    """SHOW ALL TABLES."""
    found = list(tables)
    names = list_of(VARCHAR)
    header = [
        *(ResultColumn(name, VARCHAR) for name in ("database", "schema", "name")),
        ResultColumn("column_names", names),
        ResultColumn("column_types", names),
        ResultColumn("temporary", BOOLEAN),
    ]
    arrays = [
        pa.array([DATABASE] * len(found), pa.string()),
        pa.array([SCHEMA] * len(found), pa.string()),
        pa.array([name for name, _, _ in found], pa.string()),
        pa.array([[name for name, _ in columns] for _, _, columns in found], pa.list_(pa.string())),
        pa.array([[str(type_) for _, type_ in columns] for _, _, columns in found], pa.list_(pa.string())),
        pa.array([False] * len(found), pa.bool_()),
    ]
    return Result(header, pa.Table.from_arrays(arrays, names=[column.name for column in header]))


def _text_table(columns: dict[str, list[Any]]) -> pa.Table:
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
