"""Bodies that a web server sends in another form than the file's, and how a body becomes the file.

Servers are asked for files as they are. Some send `x.csv.gz` with `Content-Encoding: gzip` all the same (Apache by
default, stores whose objects were uploaded so), and mean the file as it lies there; others compress `x.csv` on the way.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from typing import Final

from sqlengine.errors import OperationalError
from sqlengine.storage.files.compression import COMPRESSIONS, file_name
from sqlengine.storage.files.remote_errors import TransientError

_CODECS: Final = {"gzip": "gzip", "x-gzip": "gzip", "bzip2": "bz2", "x-bzip2": "bz2", "zstd": "zstd", "xz": "xz"}
_STEP: Final = 1 << 20


def check_range(url: str, encoding: str, codec: str | None) -> None:
    """OperationalError if a part of a body in `encoding` is no part of a file that is read by `codec`."""
    if encoding not in ("", "identity") and _CODECS.get(encoding, encoding) != codec:
        raise _refused(url, encoding)


class Body:
    """The bytes of the file at `url` from those of its whole body in `encoding`.

    Raises
    ------
    OperationalError
        If it is an encoding that cannot be undone.
    """

    def __init__(self, url: str, encoding: str) -> None:
        named = COMPRESSIONS.get(os.path.splitext(file_name(url))[1].lower())
        encoded = encoding not in ("", "identity")
        self._may_be_twice = encoded and _CODECS.get(encoding, encoding) == named == "gzip"
        self._inflates = encoded and _CODECS.get(encoding, encoding) != named
        self._decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)
        if self._inflates and encoding not in ("gzip", "x-gzip", "deflate"):
            raise _refused(url, encoding)

    def parts(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes of the body stand for, in pieces of bounded size.

        TransientError if they are damaged.
        """
        if self._may_be_twice:
            # What comes out is then a file of the kind that its name tells.
            self._inflates = _begins_twice(data)
            self._may_be_twice = False
        if not self._inflates:
            yield data
            return
        while data:
            try:
                yield self._decoder.decompress(data, _STEP)
            except zlib.error as error:
                raise TransientError(f"its body is damaged: {error}") from error
            data = self._decoder.unconsumed_tail
            if self._decoder.eof:
                # Members may follow one another.
                data = self._decoder.unused_data
                if data:
                    self._decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def finish(self) -> None:
        """TransientError if the body ended too early."""
        if self._inflates and not self._decoder.eof:
            raise TransientError("its body ends early")


def _begins_twice(data: bytes) -> bool:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, 2) == b"\x1f\x8b"
    except zlib.error:
        return False


def _refused(url: str, encoding: str) -> OperationalError:
    return OperationalError(
        f"{url!r} cannot be read: its server sends it in another form (Content-Encoding: {encoding[:40]}), though asked"
        " not to; where that is how the file lies there, say so: compression = 'gzip'"
    )
