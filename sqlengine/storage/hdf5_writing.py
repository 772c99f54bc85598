"""HDF5: each column as a one-dimensional dataset of the file's root, all of one length."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Final

from sqlengine.errors import ConversionError, NotSupportedError, SettingError
from sqlengine.storage.format import Field, Options
from sqlengine.storage.hdf5_file import h5py_module
from sqlengine.storage.joining import Joining
from sqlengine.storage.writing import Cells
from sqlengine.types import TypeKind

if TYPE_CHECKING:
    import pyarrow as pa

# Rows of a chunk: what is read at a time, and what compression works on.
_CHUNK: Final = 65_536

_HELD: Final = frozenset(
    {
        TypeKind.TINYINT,
        TypeKind.SMALLINT,
        TypeKind.INTEGER,
        TypeKind.BIGINT,
        TypeKind.UTINYINT,
        TypeKind.USMALLINT,
        TypeKind.UINTEGER,
        TypeKind.UBIGINT,
        TypeKind.FLOAT,
        TypeKind.DOUBLE,
        TypeKind.BOOLEAN,
        TypeKind.VARCHAR,
    }
)


class Hdf5Writing:
    """Writes HDF5: whole numbers, floats, booleans (HDF5's enum, as h5py has it) and text (UTF-8, variable length).

    HDF5 has no NULL: in FLOAT and DOUBLE it becomes NaN, anywhere else it is refused. So are all other types.
    """

    name = "hdf5"
    endings: tuple[str, ...] = (".h5", ".hdf5", ".hdf")
    cells = Cells.VALUES
    options: Mapping[str, type] = {"compression_level": int}
    codecs: Mapping[str, str] = {"none": "", "gzip": "", "lzf": ""}
    joining: Joining | None = None

    def check(self, columns: Sequence[Field], options: Options) -> None:
        """See `WritingFormat.check`."""
        h5py_module()
        for column in columns:
            if column.type.kind not in _HELD:
                raise NotSupportedError(
                    f"column {column.name!r} is of type {column.type}, which HDF5 files are not written with;"
                    f" write CAST({column.name} AS {'DOUBLE' if column.type.is_numeric else 'VARCHAR'})"
                )
            if column.name in ("", ".") or "/" in column.name or "\0" in column.name:
                raise NotSupportedError(f"{column.name!r} cannot be the name of an HDF5 dataset; rename it with AS")
        level = options.get("compression_level")
        if level is not None and (options.get("compression") != "gzip" or not 0 <= int(str(level)) <= 9):
            raise SettingError("option 'compression_level' of HDF5 goes with gzip and takes 0 to 9")

    def writer(self, stream: IO[bytes], schema: pa.Schema, options: Options) -> Hdf5Writer:
        """See `WritingFormat.writer`."""
        return Hdf5Writer(stream, schema, options)


class Hdf5Writer:
    """Appends batches to datasets that grow. They are made once a chunk of rows is there: few rows fill no chunk."""

    def __init__(self, stream: IO[bytes], schema: pa.Schema, options: Options) -> None:
        self._h5py = h5py_module()
        self._bytes = _Unfailing(stream)
        self._file = self._h5py.File(self._bytes, "w", track_order=True)
        self._schema = schema
        self._options = options
        self._datasets: list[Any] = []
        self._held: list[pa.RecordBatch] = []
        self._rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """See `Writer.write`; ConversionError for a NULL that has no place."""
        self._held.append(batch)
        if self._datasets or sum(each.num_rows for each in self._held) >= _CHUNK:
            with self._bytes.checked():
                self._flush(_CHUNK)

    def close(self) -> None:
        """See `Writer.close`."""
        with self._bytes.checked():
            try:
                if self._held or not self._datasets:
                    self._flush(max(1, sum(each.num_rows for each in self._held)))
            finally:
                # Before the stream is: a file that is collected later would write to it.
                self._file.close()

    def _flush(self, chunk: int) -> None:
        if not self._datasets:
            self._datasets = [self._created(field, chunk) for field in self._schema]
        for batch in self._held:
            end = self._rows + batch.num_rows
            for dataset, column, name in zip(self._datasets, batch.columns, self._schema.names, strict=True):
                dataset.resize((end,))
                dataset[self._rows : end] = _values(column, name)
            self._rows = end
        self._held = []

    def _created(self, field: pa.Field, chunk: int) -> Any:
        codec = self._options.get("compression", "none")
        return self._file.create_dataset(
            field.name,
            (0,),
            _dtype(field.type, self._h5py),
            maxshape=(None,),
            chunks=(chunk,),
            compression=None if codec == "none" else codec,
            compression_opts=self._options.get("compression_level"),
            # The same rows give the same bytes.
            track_times=False,
        )


class _Unfailing:
    """A file object that never fails: the HDF5 library crashes when one does, at the latest when Python ends.

    What cannot be written is kept in memory, so that the library can close the file in peace; `checked` then raises
    what happened.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._file = stream.fileno()
        self._at = self._end = 0
        self._problem: OSError | None = None
        self._kept: list[tuple[int, bytes]] = []

    @contextlib.contextmanager
    def checked(self) -> Iterator[None]:
        """Raise at the end the OSError of the first write that failed."""
        try:
            yield
        finally:
            if self._problem is not None:
                raise self._problem

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        try:
            while len(rest) and self._problem is None:
                written = os.pwrite(self._file, rest, self._at)
                self._at += written
                rest = rest[written:]
        except OSError as problem:
            self._problem = problem
        if len(rest):
            self._kept.append((self._at, bytes(rest)))
            self._at += len(rest)
        self._end = max(self._end, self._at)
        return len(data)

    def read(self, size: int) -> bytes:
        found = bytearray(size)
        held = os.pread(self._file, size, self._at)
        found[: len(held)] = held
        for start, kept in self._kept:
            first, last = max(start, self._at), min(start + len(kept), self._at + size)
            if first < last:
                found[first - self._at : last - self._at] = kept[first - start : last - start]
        self._at += size
        return bytes(found)

    def readinto(self, buffer: Any) -> int:
        buffer[:] = self.read(len(buffer))
        return len(buffer)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._end)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def truncate(self, size: int | None = None) -> int:
        self._end = self._at if size is None else size
        if self._problem is None:
            try:
                os.ftruncate(self._file, self._end)
            except OSError as problem:
                self._problem = problem
        return self._end

    def flush(self) -> None:
        """Nothing is held back."""


def _dtype(data_type: pa.DataType, h5py: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_string(data_type):
        return h5py.string_dtype()
    return data_type.to_pandas_dtype()


def _values(column: pa.Array, name: str) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.null_count:
        if not pa.types.is_floating(column.type):
            raise ConversionError(
                f"column {name!r} holds NULL, which HDF5 has not; write coalesce({name}, …), or a DOUBLE"
            )
        column = column.fill_null(float("nan"))
    if pa.types.is_string(column.type) and pc.any(pc.match_substring(column, "\0"), min_count=0).as_py():
        raise ConversionError(f"column {name!r} holds a text with a character 0, where texts end in HDF5")
    return column.to_numpy(zero_copy_only=False)
