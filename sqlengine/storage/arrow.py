"""Arrow IPC: files (Feather V2) cut into splits at rows, streams from front to back; memory-mapped, not copied.

What a file says of itself is checked before any value is read: a damaged or malicious offset is an error, never an
access outside the file.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa

from sqlengine.errors import FileFormatError
from sqlengine.storage.arrow_layout import ArrowLayout, load_layout, open_batches
from sqlengine.storage.conform import empty_batch, fit_batch
from sqlengine.storage.filesystem import FileInfo, changed, file_errors, file_info, open_input
from sqlengine.storage.format import ColumnStatistics, FileSchema, Options, Split
from sqlengine.storage.schema import merge_schemas

# Rows of a split, about: smaller batches are read together, larger ones in parts.
_SPLIT_ROWS: Final = 131_072

_MOST_PARTS: Final = 65_536


class ArrowFormat:
    """Reads Arrow IPC files and streams.

    Options: `union_by_name` (default false), see `storage.schema.merge_schemas`.
    """

    name = "arrow"
    extensions: tuple[str, ...] = (".arrow", ".feather", ".ipc", ".arrows")
    has_statistics = False
    options: Mapping[str, type] = {"union_by_name": bool}

    def schema(self, files: Sequence[FileInfo], options: Options) -> FileSchema:
        """The columns of all `files`, whose metadata are read."""
        layouts = [(file.path, load_layout(file)) for file in files]
        distinct = {layout.fields: path for path, layout in reversed(layouts)}
        fields = merge_schemas(
            [(path, fields) for fields, path in reversed(distinct.items())], bool(options.get("union_by_name"))
        )
        refused: dict[str, str] = {}
        for _, layout in layouts:
            refused.update(layout.refused)
        plain = frozenset.intersection(*(layout.plain for _, layout in layouts))
        return FileSchema(fields, {"refused": refused}, plain)

    def splits(self, file: FileInfo, schema: FileSchema, options: Options, target_bytes: int) -> list[Split]:
        """Ranges of rows: whole batches if their bodies are compressed, else parts of batches too; a stream is one."""
        layout = load_layout(file)
        rows = layout.starts[-1]
        if not rows:
            return []
        cuts = [0, rows] if layout.is_stream else _cuts(layout)
        step = 0 if layout.is_stream else 1
        return [
            Split(file.path, start, stop, stop - start, file.size * (stop - start) // rows, layout.exact, start, step)
            for start, stop in itertools.pairwise(cuts)
        ]

    def statistics(self, split: Split, schema: FileSchema, columns: Sequence[str]) -> Mapping[str, ColumnStatistics]:
        """Arrow files have no statistics."""
        return {}

    def reading(self, schema: FileSchema, options: Options) -> str:
        """The options."""
        return repr(sorted(options.items()))

    def read(
        self, splits: Sequence[Split], schema: FileSchema, columns: Sequence[str], options: Options, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Batches of `columns`, views of the mapped file where its types are those of SQL; dictionaries are kept.

        Raises
        ------
        FileFormatError
            If a batch is damaged: offsets, dictionary codes, UTF-8 and digits of decimals are checked.
        """
        by_name = {field.name: field for field in schema.fields}
        fields = [by_name[name] for name in columns]
        for split in splits:
            batches = (
                fit_batch(batch, fields, split.path) if fields else empty_batch(batch.num_rows)
                for batch in _checked(split, columns)
            )
            yield from _resized(batches, batch_rows)


def _cuts(layout: ArrowLayout) -> list[int]:
    """Rows at which a file is cut."""
    cuts = [0]
    for start, stop in itertools.pairwise(layout.starts):
        rows = stop - start
        if rows > 2 * _SPLIT_ROWS and not layout.compressed:
            # A damaged file may declare any number of rows; it is found out when they are read.
            parts = min(rows // _SPLIT_ROWS, _MOST_PARTS)
            cuts.extend(start + rows * part // parts for part in range(0 if start > cuts[-1] else 1, parts + 1))
        elif stop - cuts[-1] >= _SPLIT_ROWS:
            cuts.append(stop)
    if layout.starts[-1] > cuts[-1]:
        cuts.append(layout.starts[-1])
    return cuts


def _checked(split: Split, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Validated batches of those of `columns` that the file has, as long as they are in the file."""
    layout = load_layout(file_info(split.path))
    wanted = {name.lower() for name in columns}
    # To count rows, one column is read and checked, too: the number a damaged batch declares must not be believed.
    positions = [k for k, field in enumerate(layout.fields) if field.name.lower() in wanted] or [_narrowest(layout)]
    names = [layout.fields[position].name for position in positions]
    with file_errors(split.path, "Arrow IPC"):
        if layout.is_stream:
            batches = _from_stream(split.path, names, positions)
        else:
            batches = _from_file(split, layout, names, positions)
        for batch in batches:
            batch.validate(full=True)
            yield batch


def _from_stream(path: str, names: Sequence[str], positions: Sequence[int]) -> Iterator[pa.RecordBatch]:
    with open_batches(path, positions) as reader:
        for batch in reader:
            yield _named(batch.columns, names)


def _from_file(
    split: Split, layout: ArrowLayout, names: Sequence[str], positions: Sequence[int]
) -> Iterator[pa.RecordBatch]:
    if layout.starts[-1] < split.stop:
        raise changed(split.path)
    with open_input(split.path) as source:
        # Arrow copies what it selects; a mapped batch costs nothing, so all of it may be taken.
        whole = isinstance(source, pa.MemoryMappedFile) and not layout.compressed
        chosen = [] if whole else list(positions)
        reader = pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(included_fields=chosen, use_threads=False))
        number = bisect.bisect_right(layout.starts, split.start) - 1
        while layout.starts[number] < split.stop:
            start, stop = layout.starts[number], layout.starts[number + 1]
            batch = reader.get_batch(number)
            if batch.num_rows != stop - start:
                raise FileFormatError(f"{split.path!r} is not a readable Arrow IPC file: its metadata is damaged")
            first = max(start, split.start)
            part = batch.slice(first - start, min(stop, split.stop) - first)
            yield _named([part.column(position) for position in positions] if whole else part.columns, names)
            number += 1


def _named(columns: Sequence[pa.Array], names: Sequence[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(columns), names=list(names))


def _resized(batches: Iterable[pa.RecordBatch], batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of at most `batch_rows`; small ones become one of at most half as many."""
    pending: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        if pending and rows + batch.num_rows > batch_rows // 2:
            yield from _joined(pending, batch_rows)
            pending, rows = [], 0
        pending.append(batch)
        rows += batch.num_rows
    if pending:
        yield from _joined(pending, batch_rows)


def _joined(batches: Sequence[pa.RecordBatch], batch_rows: int) -> Iterator[pa.RecordBatch]:
    if len(batches) > 1:
        table = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks()
        yield from table.to_batches(max_chunksize=batch_rows)
        return
    (batch,) = batches
    parts = max(1, -(-batch.num_rows // batch_rows))
    for part in range(parts):
        start, stop = (batch.num_rows * number // parts for number in (part, part + 1))
        yield batch.slice(start, stop - start)


def _narrowest(layout: ArrowLayout) -> int:
    """The column that takes least to read."""
    return min(range(len(layout.fields)), key=lambda number: (layout.fields[number].type.is_nested, number))
