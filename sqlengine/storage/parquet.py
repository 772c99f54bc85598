"""Parquet: schema, row-group splits, statistics and fast reads.

A file's footer is read once per process and kept (`parquet_footer`); one row group is one split.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from sqlengine.storage.conform import check_texts, empty_batch, fit_batch
from sqlengine.storage.file_list import spread
from sqlengine.storage.filesystem import (
    FileInfo,
    changed,
    file_errors,
    file_info,
    in_parallel,
    is_url,
    open_input,
    prefetch,
    read_file,
)
from sqlengine.storage.format import ColumnStatistics, Field, FileSchema, Options, Split
from sqlengine.storage.parquet_footer import Footer, column_statistics, load_footer, open_whole
from sqlengine.storage.schema import check_columns, merge_schemas

_OPEN_FILES: Final = 64

# Of up to so many files all footers are read before a query is planned, of more only some.
_FEW: Final = 256
_SAMPLED: Final = 64
_SMALL_FILE: Final = 256 << 10

# A file of so many bytes is read faster as a whole than column by column.
_READ_WHOLE: Final = 64 << 10
# A small file of more rows than these must be made of repetitions, which are kept as such.
_MANY_ROWS: Final = 1 << 17

_READING: Final[Mapping[str, object]] = {
    "pre_buffer": False,
    "coerce_int96_timestamp_unit": "us",
    "arrow_extensions_enabled": False,
}


class ParquetFormat:
    """Reads Apache Parquet files.

    Options: `union_by_name` (default false), see `storage.schema.merge_schemas`; `binary_as_string` (default false):
    bytes are texts, as old writers meant them.
    """

    name = "parquet"
    extensions: tuple[str, ...] = (".parquet", ".parq", ".pq")
    has_statistics = True
    options: Mapping[str, type] = {"union_by_name": bool, "binary_as_string": bool}

    def schema(self, files: Sequence[FileInfo], options: Options) -> FileSchema:
        """The columns of `files`, by name, from their footers (about 70 µs a file).

        Of more than 256 files the first and 63 others are taken, unless `union_by_name`; files that then turn out to
        be different are an error when they are read.
        """
        union = bool(options.get("union_by_name"))
        chosen = files if union or len(files) <= _FEW else spread(files, _SAMPLED)
        distinct: dict[tuple[Field, ...], str] = {}
        refused: dict[str, str] = {}
        last = None
        if is_url(files[0].path):
            in_parallel(load_footer, chosen, [file.path for file in chosen])
        for file in chosen:
            footer = load_footer(file)
            # Thousands of files mostly have one and the same schema, and share what was made of it.
            if footer.fields is not last:
                last = footer.fields
                distinct.setdefault(_fields(footer, options), file.path)
                refused.update(footer.refused)
        details: dict[str, object] = {"refused": refused, "first": files[0].path}
        if len(files) > _FEW:
            rows = sum(load_footer(file).metadata.num_rows for file in chosen)
            details["row_bytes"] = sum(file.size for file in chosen) / max(1, rows)
        merged = merge_schemas([(path, fields) for fields, path in distinct.items()], union)
        return FileSchema(merged, details, narrows=frozenset(field.name for field in merged))

    def splits(self, file: FileInfo, schema: FileSchema, options: Options, target_bytes: int) -> list[Split]:
        """One split per row group, rows exact; a small file among many is one split, and need not be opened for it."""
        row_bytes = schema.details.get("row_bytes")
        if isinstance(row_bytes, float) and file.size < _SMALL_FILE:
            return [Split(file.path, 0, 1, max(1, int(file.size / row_bytes)), file.size, rows_exact=False)]
        return _row_groups(load_footer(file), file.size)

    def statistics(self, split: Split, schema: FileSchema, columns: Sequence[str]) -> Mapping[str, ColumnStatistics]:
        """Minimum, maximum and NULLs from the footer; columns without statistics are left out."""
        footer = load_footer(file_info(split.path))
        if split.rows_exact:
            return column_statistics(footer, split.start, split.stop, columns)
        found = column_statistics(footer, 0, footer.metadata.num_row_groups, columns)
        rows = footer.metadata.num_rows
        return {
            name: dataclasses.replace(each, nulls=_scaled(each.nulls, rows, split.rows)) for name, each in found.items()
        }

    def reading(self, schema: FileSchema, options: Options) -> str:
        """The options."""
        return repr(sorted(options.items()))

    def read(
        self, splits: Sequence[Split], schema: FileSchema, columns: Sequence[str], options: Options, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Batches of `columns`; text columns whose dictionaries are small come dictionary-encoded.

        Batches end at row groups, except that row groups much smaller than `batch_rows` are joined.
        """
        if not columns:
            yield from _count(sum(map(_rows, splits)), batch_rows)
            return
        by_name = {field.name: field for field in schema.fields}
        fields = [by_name[name] for name in columns]
        whole = {field.name: field for field in schema.whole or schema.fields}
        known: tuple[Field, ...] = ()
        stored: dict[str, tuple[int, ...]] = {}
        as_is: pa.Schema | None = None
        for path, groups, ready in _pieces(splits, batch_rows):
            opened = ready or _open(path)
            if opened.footer.fields is not known:
                known = opened.footer.fields
                own = _fields(opened.footer, options)
                expected = [whole[name] for name in columns]
                check_columns(expected, str(schema.details["first"]), path, own, bool(options.get("union_by_name")))
                stored = opened.footer.stored(fields)
            if ready is None:
                _check_unchanged(opened.footer, groups)
            with file_errors(path, "Parquet"):
                for batch in opened.read(groups, stored, batch_rows):
                    if as_is is None or not batch.schema.equals(as_is):
                        fitted = fit_batch(batch, fields, path)
                        as_is = batch.schema if fitted is batch else None
                        batch = fitted
                    check_texts(batch, fields, path)
                    yield batch


def _fields(footer: Footer, options: Options) -> tuple[Field, ...]:
    return footer.as_strings() if options.get("binary_as_string") else footer.fields


class _OpenFile:
    """A parsed and opened file; used by one thread at a time."""

    def __init__(self, file: FileInfo) -> None:
        with file_errors(file.path, "Parquet"):
            if file.size <= _READ_WHOLE:
                self.source = pa.BufferReader(read_file(file.path))
                self.footer, self.reader = open_whole(file, self.source, **_READING)
                # If its texts are few, dictionaries do not pay.
                if self.footer.metadata.num_rows <= _MANY_ROWS:
                    return
            else:
                self.source = open_input(file.path)
                self.footer = load_footer(file, self.source)
            # What `ParquetFile` wraps: opening that costs as much again.
            self.reader = pq.ParquetReader()
            self.reader.open(
                self.source,
                metadata=self.footer.metadata,
                read_dictionary=list(self.footer.dictionary_columns),
                **_READING,
            )

    def read(
        self, groups: Sequence[Split], stored: Mapping[str, tuple[int, ...]], batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Batches of some columns (name -> physical columns), in that order, of adjacent row groups."""
        rows = sum(split.rows for split in groups)
        if not stored:
            yield from (batch.select([]) for batch in _count(rows, batch_rows))
            return
        names = list(stored)
        indices = [leaf for leaves in stored.values() for leaf in leaves]
        numbers = [number for split in groups for number in range(split.start, split.stop)]
        self.footer.check_ratios(numbers, indices)
        prefetch(self.source, lambda: self.footer.byte_ranges(numbers, indices))
        try:
            if len(numbers) > 1:
                table = self.reader.read_row_groups(numbers, column_indices=indices, use_threads=False)
                batches = table.unify_dictionaries().combine_chunks().to_batches(max_chunksize=batch_rows)
            else:
                # Dictionaries are made anew for each part, so a row group that is little too long is read as one.
                parts = max(1, round(rows / batch_rows))
                batches = self.reader.iter_batches(-(-rows // parts), numbers, indices, use_threads=False)
                batches = (part for batch in batches for part in _cut(batch, batch_rows))
            for batch in batches:
                # They come in the order of their numbers; names may stand twice in the file.
                yield batch if batch.schema.names == names else batch.rename_columns(names)
        finally:
            # The file stays open; what was fetched of it goes.
            prefetch(self.source, tuple)


def _cut(batch: pa.RecordBatch, batch_rows: int) -> list[pa.RecordBatch]:
    """The batch in as few equal parts as have at most `batch_rows` each."""
    rows = batch.num_rows
    if rows <= batch_rows:
        return [batch]
    size = -(-rows // -(-rows // batch_rows))
    return [batch.slice(start, size) for start in range(0, rows, size)]


_local = threading.local()


def _open(path: str) -> _OpenFile:
    """The file at `path` as it is now; a large one is opened once per thread (Arrow's readers are not thread-safe)."""
    info = file_info(path)
    if info.size <= _READ_WHOLE:
        return _OpenFile(info)
    cache: OrderedDict[FileInfo, _OpenFile] = _local.__dict__.setdefault("files", OrderedDict())
    opened = cache.pop(info, None) or _OpenFile(info)
    cache[info] = opened
    if len(cache) > _OPEN_FILES:
        cache.popitem(last=False)
    return opened


def _row_groups(footer: Footer, size: int) -> list[Split]:
    metadata = footer.metadata
    total = max(1, metadata.num_rows)
    splits = []
    first = 0
    for number in range(metadata.num_row_groups):
        rows = footer.rows_of(number)
        if rows:
            splits.append(Split(footer.path, number, number + 1, rows, size * rows // total, first_row=first))
        first += rows
    return splits


def _rows(split: Split) -> int:
    """Exact rows of a split."""
    if split.rows_exact:
        return split.rows
    return sum(group.rows for group in _row_groups(load_footer(file_info(split.path)), split.size))


def _scaled(nulls: int | None, rows: int, estimate: int) -> int | None:
    """NULLs of `rows` rows as of an estimated number: none, some or all of them, or unknown."""
    if not nulls or nulls >= rows:
        return nulls and estimate
    return min(nulls, estimate - 1) or None


def _pieces(splits: Iterable[Split], batch_rows: int) -> Iterator[tuple[str, list[Split], _OpenFile | None]]:
    """What is read at once: path, row groups, and the file, if it had to be opened to know those."""
    for exact, run in itertools.groupby(splits, key=lambda split: split.rows_exact):
        if exact:
            for path, groups in _runs(run, batch_rows):
                yield path, groups, None
            continue
        for split in run:
            opened = _open(split.path)
            for path, groups in _runs(_row_groups(opened.footer, split.size), batch_rows):
                yield path, groups, opened


def _runs(splits: Iterable[Split], batch_rows: int) -> Iterator[tuple[str, list[Split]]]:
    """Splits in order, adjacent small ones of one file together (half a batch at most)."""
    run: list[Split] = []
    rows = 0
    for split in splits:
        joins = run and run[-1].path == split.path and run[-1].stop == split.start
        if run and not (joins and rows + split.rows <= batch_rows // 2):
            yield run[0].path, run
            run, rows = [], 0
        run.append(split)
        rows += split.rows
    if run:
        yield run[0].path, run


def _check_unchanged(footer: Footer, groups: Sequence[Split]) -> None:
    metadata = footer.metadata
    for split in groups:
        if split.stop > metadata.num_row_groups or metadata.row_group(split.start).num_rows != split.rows:
            raise changed(split.path)


def _count(rows: int, batch_rows: int) -> Iterator[pa.RecordBatch]:
    while rows > 0:
        yield empty_batch(min(rows, batch_rows))
        rows -= batch_rows
