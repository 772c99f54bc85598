"""JSON: one object a line, or one array of objects."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING

from sqlengine.storage.compressing import CODECS, compressing
from sqlengine.storage.format import Field, Options
from sqlengine.storage.joining import Concatenation, Joining
from sqlengine.storage.writing import Cells

if TYPE_CHECKING:
    import pyarrow as pa


class JsonWriting:
    """Writes JSON objects, keys in the order of the columns: a line each, with `array` all in one array."""

    name = "json"
    endings: tuple[str, ...] = (".json", ".ndjson", ".jsonl")
    cells = Cells.JSON
    options: Mapping[str, type] = {"array": bool}
    codecs: Mapping[str, str] = CODECS
    joining: Joining | None = Concatenation({}, excluded="array")

    def check(self, columns: Sequence[Field], options: Options) -> None:
        """See `WritingFormat.check`; any type has a JSON text."""

    def writer(self, stream: IO[bytes], schema: pa.Schema, options: Options) -> JsonWriter:
        """See `WritingFormat.writer`."""
        return JsonWriter(stream, schema.names, options)


class JsonWriter:
    """Writes batches of JSON texts as objects."""

    def __init__(self, stream: IO[bytes], names: Sequence[str], options: Options) -> None:
        self._names = [json.dumps(name, ensure_ascii=False) for name in names]
        self._array = bool(options.get("array"))
        self._context = compressing(stream, str(options.get("compression", "none")))
        self._stream = self._context.__enter__()
        self._begun = False
        if self._array:
            self._stream.write(b"[\n\t")

    def write(self, batch: pa.RecordBatch) -> None:
        """See `Writer.write`."""
        import pyarrow.compute as pc

        from sqlengine.storage.text_lines import slices, write_lines

        for part in slices(batch):
            pieces: list[object] = []
            for position, (name, column) in enumerate(zip(self._names, part.columns, strict=True)):
                pieces += [f"{',' if position else '{'}{name}:", pc.fill_null(column, "null")]
            objects = pc.binary_join_element_wise(*pieces, "}", "")
            if not self._array:
                write_lines(self._stream, objects, "\n")
                continue
            self._stream.write((",\n\t" if self._begun else "").encode() + ",\n\t".join(objects.to_pylist()).encode())
            self._begun = True

    def close(self) -> None:
        """See `Writer.close`."""
        if self._array:
            self._stream.write(b"\n]\n")
        self._context.__exit__(None, None, None)
