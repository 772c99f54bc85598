"""JSON and newline-delimited JSON, plain or compressed: guessed types, splits at line ends.

Plain newline-delimited files and arrays are cut into splits of about `split_bytes`; other files are one split, read
in blocks.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa

from sqlengine.storage.conform import empty_batch
from sqlengine.storage.filesystem import FileInfo, compression_of, is_url
from sqlengine.storage.format import ColumnStatistics, FileSchema, Options, Split
from sqlengine.storage.json_blocks import read_blocks
from sqlengine.storage.json_cuts import array_cuts, layout_from, line_cuts
from sqlengine.storage.json_decode import Decoder
from sqlengine.storage.json_options import ARRAY, NEWLINE_DELIMITED, OPTION_TYPES, json_options
from sqlengine.storage.json_schema import Layout, guess_schema

# What JSON compresses to, for estimates of rows.
_COMPRESSION_RATIO: Final = 6


class JsonFormat:
    """Reads JSON (RFC 8259): a value a line, one array of values, or values one after another.

    Options (see `JsonOptions` and docs/formats/json.md):

    - `format`: newline_delimited (or nd), array, unstructured; by default told by the content.
    - `records`: whether values are objects whose members are columns (default: if they all are).
    - `columns`: name -> type of all columns. `objects`: one column `json` with the text of each value.
    - `ignore_errors`: values that do not fit, and lines that are no JSON, are NULL.
    - `maximum_object_size` (default 16 MiB): bytes that a value may have.
    - `sample_size` (or `sample_rows`; default 20480; -1: all), `maximum_sample_files` (32): values and files that
      types are guessed from.
    - `maximum_depth` (-1), `map_inference_threshold` (200), `field_appearance_threshold` (0.1),
      `convert_strings_to_integers` (false), `dateformat`, `timestampformat`: how they are guessed.
    """

    name = "json"
    extensions: tuple[str, ...] = (".json", ".jsonl", ".ndjson")
    has_statistics = False
    options: Mapping[str, type] = OPTION_TYPES

    def schema(self, files: Sequence[FileInfo], options: Options) -> FileSchema:
        """Columns as options say, or guessed from a sample of the values of up to 32 files.

        The guess depends on the set of files, not on their order.

        Raises
        ------
        FileFormatError
            If a value of the sample is no JSON.
        SettingError
            If an option does not fit.
        """
        return guess_schema(files, json_options(options))

    def splits(self, file: FileInfo, schema: FileSchema, options: Options, target_bytes: int) -> list[Split]:
        """Stretches of whole lines, or elements of an array; rows are estimated from the sample."""
        layout = _layout_of(schema)
        if not file.size:
            return []
        if compression_of(file.path) is not None:
            rows = max(1, int(file.size * _COMPRESSION_RATIO / layout.row_bytes))
            return [Split(file.path, 0, file.size, rows, file.size, rows_exact=False)]
        cuts = [0, file.size]
        if file.size > target_bytes:
            head = next(read_blocks(file.path, 0, file.size, layout.options.format, file.size), None)
            if head is not None and head.layout == NEWLINE_DELIMITED:
                cuts = line_cuts(file.path, file.size, target_bytes)
            elif head is not None and head.layout == ARRAY and not is_url(file.path):
                cuts = array_cuts(file.path, file.size, target_bytes)
        return [
            Split(file.path, first, stop, max(1, round((stop - first) / layout.row_bytes)), stop - first, False)
            for first, stop in itertools.pairwise(cuts)
        ]

    def statistics(self, split: Split, schema: FileSchema, columns: Sequence[str]) -> Mapping[str, ColumnStatistics]:
        """Nothing is known of text without reading it."""
        return {}

    def reading(self, schema: FileSchema, options: Options) -> str:
        """Options, keys and formats; not what the sample of all files said of the number of rows."""
        layout = _layout_of(schema)
        return repr((layout.options, layout.keys, layout.formats))

    def read(
        self, splits: Sequence[Split], schema: FileSchema, columns: Sequence[str], options: Options, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """Batches of `columns`; other members are skipped without being converted.

        Raises
        ------
        FileFormatError
            If a value is no JSON, too long, or not UTF-8.
        ConversionError
            If a value does not fit its column; names file, line, column, value and a remedy.
        """
        layout = _layout_of(schema)
        types = {field.name: field for field in schema.fields}
        for split in splits:
            decoder = Decoder(
                split.path,
                tuple((layout.keys[name], types[name]) for name in columns),
                layout.formats,
                layout.options.objects,
                layout.options.ignore_errors,
                layout.record if schema.whole is None and len(columns) == len(schema.fields) else None,
            )
            format_ = layout.options.format if split.start == 0 else layout_from(split.path, split.start)
            blocks = read_blocks(split.path, split.start, split.stop, format_, layout.options.maximum_object_size)
            for block in blocks:
                rows, arrays = decoder.decode(block)
                batch = pa.RecordBatch.from_arrays(arrays, names=list(columns)) if arrays else None
                for start in range(0, rows, batch_rows):
                    size = min(batch_rows, rows - start)
                    yield empty_batch(size) if batch is None else batch.slice(start, size)


def _layout_of(schema: FileSchema) -> Layout:
    layout = schema.details["layout"]
    assert isinstance(layout, Layout)
    return layout
