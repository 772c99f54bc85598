"""Streams that compress what is written to them, for formats that leave compression to the file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import IO, Any, Final, cast

import pyarrow as pa

from sqlengine.storage.files.compression import COMPRESSIONS

#: Name of a codec in COPY -> what it appends to the name of a new file.
CODECS: Final = {"none": "", **{codec: ending for ending, codec in COMPRESSIONS.items()}}


@contextlib.contextmanager
def compressing(stream: IO[bytes], codec: str) -> Iterator[IO[bytes]]:
    """`stream` behind a compressor; what it holds back is written at the end. The same rows give the same bytes."""
    if codec == "none":
        yield stream
        return
    compressor = _compressor(stream, codec)
    yield compressor
    compressor.close()


def _compressor(stream: IO[bytes], codec: str) -> IO[bytes]:
    match codec:
        case "gzip":
            import gzip

            # Neither a time nor a name in the header.
            return cast("IO[bytes]", gzip.GzipFile("", "wb", compresslevel=6, fileobj=stream, mtime=0))
        case "bz2":
            import bz2

            return cast("IO[bytes]", bz2.BZ2File(stream, "wb"))
        case "xz":
            import lzma

            return cast("IO[bytes]", lzma.LZMAFile(stream, "wb", preset=3))
        case _:
            return cast("IO[bytes]", _ArrowStream(stream, codec))


class _ArrowStream:
    """zstd and lz4 frames by Arrow, which closes the stream below with its own: this one does not let it."""

    def __init__(self, stream: IO[bytes], codec: str) -> None:
        self._sink = pa.CompressedOutputStream(pa.PythonFile(_Unclosed(stream), "w"), codec)

    def write(self, data: bytes) -> int:
        return int(self._sink.write(data) or len(data))

    def close(self) -> None:
        self._sink.close()


class _Unclosed:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.closed = False

    def write(self, data: Any) -> int:
        return self._stream.write(data)

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        self.closed = True
