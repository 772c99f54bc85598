"""Compressed streams: which codec a file has, and reading it without being flooded or fooled by it."""

from __future__ import annotations

import os
from typing import Any, Final

import pyarrow as pa

from sqlengine.errors import Error, FileFormatError, SettingError, did_you_mean
from sqlengine.storage.files.access import FileAccess, current_access, is_url

# File name ending -> codec, by Arrow's name of it where Arrow has it.
COMPRESSIONS: Final[dict[str, str]] = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".lz4": "lz4", ".xz": "xz"}

_AUTO: Final = "auto"
_NONE: Final = "none"

# Below this many decompressed bytes no ratio is too high.
_HARMLESS: Final = 64 << 20
_STEP: Final = 4 << 20
_INPUT: Final = 1 << 18
# A dictionary that an .xz file may ask for; `xz -9` asks for 64 MiB, and needs a little more.
_XZ_MEMORY: Final = 256 << 20


def compression_of(path: str) -> str | None:
    """The codec of `path`: the one that its table's option `compression` names, else what its ending declares.

    Raises
    ------
    SettingError
        If that option names no codec.
    """
    chosen = current_access().compression
    if chosen == _AUTO:
        return COMPRESSIONS.get(os.path.splitext(file_name(path))[1].lower())
    if chosen == _NONE:
        return None
    codecs = {ending[1:]: codec for ending, codec in COMPRESSIONS.items()} | {c: c for c in COMPRESSIONS.values()}
    if chosen not in codecs:
        names = [_AUTO, _NONE, *COMPRESSIONS.values()]
        raise SettingError(
            f"option 'compression' takes one of {', '.join(names)}; not {chosen!r}.{did_you_mean(chosen, names)}"
        )
    return codecs[chosen]


def file_name(path: str) -> str:
    """The last part of a path, without the query of a URL: `x.csv` of `https://host/a/x.csv?token=1`."""
    if is_url(path):
        path = path.partition("?")[0].partition("#")[0]
    return os.path.basename(path)


def decompressed(source: pa.NativeFile, codec: str, path: str) -> pa.NativeFile:
    """What `source` holds, decompressed while it is read; several members one after the other are one stream.

    Reading raises FileFormatError if the data is truncated or damaged, or more than the access in force takes.
    """
    return _Input(_Decompressed(source, codec, path, current_access()), mode="r")


def check_ratio(path: str, size: int, stored: int, access: FileAccess | None = None) -> None:
    """FileFormatError if so few bytes as are `stored` may not stand for `size`; default: by the access in force."""
    ratio = (access or current_access()).most_ratio
    if size > _HARMLESS and size > ratio * max(1, stored):
        raise FileFormatError(
            f"{path!r} decompresses to more than {ratio} times its size, as only files made to do harm or"
            " of nothing but repetitions do; raise the setting 'max_decompression_ratio' if it is sound"
        )


class _Input(pa.PythonFile):  # type: ignore[misc]
    """An Arrow file that can be read to its end without knowing where that is."""

    def __init__(self, raw: _Decompressed, mode: str) -> None:
        self._raw = raw

    def read(self, nbytes: int | None = None) -> bytes:
        """The next `nbytes` bytes, or all that are left."""
        return self._raw.read(-1 if nbytes is None else nbytes)


class _Decompressed:
    """A file object for `pa.PythonFile` that counts what comes out against what went in."""

    closed = False

    def __init__(self, source: pa.NativeFile, codec: str, path: str, access: FileAccess) -> None:
        self._source = source
        self._codec = codec
        self._path = path
        self._access = access
        self._delivered = 0
        self._stream = _xz_stream(source) if codec == "xz" else pa.CompressedInputStream(source, codec)

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes; fewer at the end only. All that is left if it is negative."""
        parts = []
        left = size
        while left:
            wanted = _STEP if left < 0 else min(left, _STEP)
            part = self._next(wanted)
            if not part:
                break
            parts.append(part)
            left -= len(part) if left > 0 else 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def tell(self) -> int:
        """Bytes delivered."""
        return self._delivered

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """False."""
        return False

    def close(self) -> None:
        """Close the file, too."""
        self.closed = True
        self._source.close()

    def _next(self, size: int) -> bytes:
        try:
            part: bytes = self._stream.read(size)
        except Error:
            raise
        except Exception as error:
            # What a codec raises is its own: lzma.LZMAError, EOFError, OSError, pa.ArrowInvalid.
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise FileFormatError(
                f"{self._path!r} is truncated or damaged: it cannot be decompressed as {self._codec} ({reason})"
            ) from error
        self._delivered += len(part)
        self._check()
        return part

    def _check(self) -> None:
        most = self._access.most_bytes
        if most is not None and self._delivered > most:
            raise FileFormatError(
                f"{self._path!r} has more than {most} bytes when decompressed (setting 'decompressed_limit')"
            )
        check_ratio(self._path, self._delivered, self._source.tell(), self._access)


def _xz_stream(source: pa.NativeFile) -> Any:
    import lzma

    return _Members(source, lambda: lzma.LZMADecompressor(format=lzma.FORMAT_AUTO, memlimit=_XZ_MEMORY))


class _Members:
    """A reader over a codec of Python's, which Arrow does not have, member after member."""

    def __init__(self, source: pa.NativeFile, make: Any) -> None:
        self._source = source
        self._make = make
        self._decoder: Any = None
        self._input = b""

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end. EOFError if the last member is cut off."""
        part = b""
        while not part:
            if self._decoder is None:
                # Members may be padded with zeros.
                self._input = self._input.lstrip(b"\0")
                while not self._input:
                    read = self._source.read(_INPUT)
                    if not read:
                        return b""
                    self._input = read.lstrip(b"\0")
                self._decoder = self._make()
            elif self._decoder.needs_input:
                self._input = self._source.read(_INPUT)
                if not self._input:
                    raise EOFError("it ends before its end mark")
            part = self._decoder.decompress(self._input, size)
            self._input = b""
            if self._decoder.eof:
                self._input, self._decoder = self._decoder.unused_data, None
        return part
