"""Arrow: IPC files (Feather version 2), which hold every type as it lies in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING

from sqlengine.storage.format import Field, Options
from sqlengine.storage.joining import Joining
from sqlengine.storage.writing import Cells

if TYPE_CHECKING:
    import pyarrow as pa


class ArrowWriting:
    """Writes Arrow IPC files. BIT and TIMETZ become text, an ENUM a dictionary of its labels."""

    name = "arrow"
    endings: tuple[str, ...] = (".arrow", ".feather", ".ipc")
    cells = Cells.VALUES
    options: Mapping[str, type] = {}
    codecs: Mapping[str, str] = {"none": "", "lz4": "", "zstd": ""}
    joining: Joining | None = None

    def check(self, columns: Sequence[Field], options: Options) -> None:
        """See `WritingFormat.check`; Arrow has every type."""

    def writer(self, stream: IO[bytes], schema: pa.Schema, options: Options) -> ArrowWriter:
        """See `WritingFormat.writer`."""
        return ArrowWriter(stream, schema, options)


class ArrowWriter:
    """Writes record batches as they come."""

    def __init__(self, stream: IO[bytes], schema: pa.Schema, options: Options) -> None:
        import pyarrow as pa

        codec = str(options.get("compression", "none"))
        write_options = pa.ipc.IpcWriteOptions(compression=None if codec == "none" else codec)
        self._writer = pa.ipc.new_file(stream, schema, options=write_options)

    def write(self, batch: pa.RecordBatch) -> None:
        """See `Writer.write`."""
        self._writer.write_batch(batch)

    def close(self) -> None:
        """See `Writer.close`."""
        self._writer.close()
