from collections.abc import Sequence

from sqlengine.storage.table import Table

Rows = list[tuple[object, ...]]


def scan(table: Table, columns: Sequence[str] | None = None, batch_rows: int = 1000) -> Rows:
    """All rows of `columns` (default: all), in order."""
    names = [field.name for field in table.fields] if columns is None else list(columns)
    rows: Rows = []
    for task in table.plan_scan(names, []).tasks:
        for batch in table.read(task, names, batch_rows):
            assert batch.num_rows <= batch_rows
            if names:
                assert batch.schema.names == names
            rows += zip(*(column.to_pylist() for column in batch.columns), strict=True)
    return rows


def count(table: Table) -> int:
    """Rows as SELECT count(*) finds them: reading no column."""
    return sum(batch.num_rows for task in table.plan_scan([], []).tasks for batch in table.read(task, [], 1000))


def types(table: Table) -> dict[str, str]:
    return {field.name: str(field.type) for field in table.fields}
