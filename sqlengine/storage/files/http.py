"""Files behind http:// and https://: by ranges where the server has them, else downloaded whole."""

from __future__ import annotations

import asyncio
import hashlib
import re
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

from sqlengine.errors import FileFormatError, OperationalError
from sqlengine.storage.files.access import FileAccess, FileInfo, changed, current_access, unknown_version
from sqlengine.storage.files.compression import compression_of
from sqlengine.storage.files.content_encoding import Body, check_range
from sqlengine.storage.files.remote_errors import TransientError, persistently, remote_errors
from sqlengine.storage.files.remote_file import Range

_CHUNK: Final = 1 << 20
_AT_ONCE: Final = 8
_RANGE: Final = re.compile(r"bytes\s+(?:(\d+)-(\d+)|\*)/(\d+|\*)")
_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class HttpStore:
    """Reads URLs through the sessions of fsspec's HTTP file system, whose options (headers, auth) hold here.

    Every answer is held against what the file was when it was listed: its size, and its ETag or time of last change.
    fsspec's own reading is not used because it takes a whole file for the range it asked for.
    """

    def __init__(self, filesystem: Any) -> None:
        self._filesystem = filesystem
        self._downloads: OrderedDict[FileInfo, Any] = OrderedDict()
        self._lock = threading.Lock()
        self._one_download = asyncio.Lock()

    def info(self, url: str) -> FileInfo:
        """Size and version by a request for the first byte; a server without ranges sends the whole file."""
        access = current_access()
        with remote_errors(url, access.timeout):
            info: FileInfo = persistently(lambda: self._run(self._info(url, access)), access.timeout)
            return info

    def confirm(self, file: FileInfo) -> None:
        """Nothing: every answer tells."""

    def fetch(self, file: FileInfo, ranges: Sequence[Range]) -> list[bytes]:
        """See `Store.fetch`."""
        access = current_access()

        def attempt() -> list[bytes]:
            if file in self._downloads:
                return [self._from_download(file, each) for each in ranges]
            fetched: list[bytes] = self._run(self._fetch(file, ranges, access))
            return fetched

        with remote_errors(file.path, access.timeout):
            return persistently(attempt, access.timeout)

    def _run(self, coroutine: Any) -> Any:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._filesystem.loop)
        try:
            return future.result()
        except BaseException:
            # Who is interrupted waits for no answer, and none must come in for ever after.
            future.cancel()
            raise

    async def _info(self, url: str, access: FileAccess) -> FileInfo:
        async with await self._get(url, (0, 1), access) as response:
            found = _RANGE.match(response.headers.get("Content-Range", ""))
            if response.status in (206, 416) and found and found[3] != "*":
                return FileInfo(url, int(found[3]), 0, _version(response) or unknown_version())
            if response.status == 416:
                return FileInfo(url, 0, 0, _version(response) or unknown_version())
            if response.status == 206:
                raise OperationalError(f"{url!r} cannot be read: its server does not tell how long it is")
            return await self._download(url, response, access)

    async def _fetch(self, file: FileInfo, ranges: Sequence[Range], access: FileAccess) -> list[bytes]:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(wanted: Range) -> bytes:
            async with gate:
                return await self._range(file, wanted, access)

        tasks = [asyncio.ensure_future(one(each)) for each in ranges]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    async def _range(self, file: FileInfo, wanted: Range, access: FileAccess) -> bytes:
        async with await self._get(file.path, wanted, access) as response:
            if response.status == 416 or not file.is_version(_version(response)):
                raise changed(file.path)
            if response.status == 200:
                # Of several ranges asked for at once, the first one's answer is the file.
                async with self._one_download:
                    if file not in self._downloads and await self._download(file.path, response, access) != file:
                        raise changed(file.path)
                return self._from_download(file, wanted)
            found = _RANGE.match(response.headers.get("Content-Range", ""))
            if not found or not found[1] or (int(found[1]), int(found[2]) + 1) != wanted:
                raise OperationalError(
                    f"{file.path!r} cannot be read: its server sent {response.headers.get('Content-Range')!r}"
                    f" when asked for bytes {wanted[0]}-{wanted[1] - 1}"
                )
            if found[3] not in ("*", str(file.size)):
                raise changed(file.path)
            check_range(file.path, _encoding(response), compression_of(file.path))
            data: bytes = await response.read()
            if len(data) != wanted[1] - wanted[0]:
                raise TransientError(f"{len(data)} bytes came of {wanted[1] - wanted[0]}")
            return data

    async def _get(self, url: str, wanted: Range, access: FileAccess) -> Any:
        """The response to a request for a range, its status checked."""
        import aiohttp

        session = await self._filesystem.set_session()
        options = dict(self._filesystem.kwargs)
        headers = {
            **(options.pop("headers", None) or {}),
            "Range": f"bytes={wanted[0]}-{wanted[1] - 1}",
            # Lengths and ranges are those of the file, not of what a server makes of it on the way.
            "Accept-Encoding": "identity",
        }
        # A redirection might lead out of the allowed paths.
        options["allow_redirects"] = access.roots is None
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=access.timeout, sock_read=access.timeout)
        options |= {"headers": headers, "timeout": timeout, "auto_decompress": False}
        try:
            response = await session.get(self._filesystem.encode_url(url), **options)
        except (aiohttp.TooManyRedirects, aiohttp.NonHttpUrlRedirectClientError) as error:
            what = "on and on" if isinstance(error, aiohttp.TooManyRedirects) else f"to {str(error)!r}"
            raise OperationalError(f"{url!r} cannot be read: its server leads {what}") from error
        if response.status in (200, 206, 416):
            return response
        reason = f"{response.status} {response.reason}"
        response.release()
        if response.status in (404, 410):
            raise FileNotFoundError(url)
        if response.status in (401, 403):
            raise PermissionError(reason)
        if response.status in _BUSY:
            raise TransientError(f"its server answers {reason}")
        if 300 <= response.status < 400:
            raise OperationalError(
                f"{url!r} is not read because it leads elsewhere ({reason}),"
                " which might not be within the allowed paths (setting 'allowed_paths')"
            )
        raise OperationalError(f"{url!r} cannot be read: its server answers {reason}")

    async def _download(self, url: str, response: Any, access: FileAccess) -> FileInfo:
        """Keep the body of a response to read ranges from it; a nameless file on disk, gone with the process."""
        file = tempfile.TemporaryFile()  # noqa: SIM115 - it is kept
        digest = hashlib.blake2b(digest_size=16)
        size = 0
        _check_download(url, response.content_length or 0, access)
        body = Body(url, _encoding(response))
        async for chunk in response.content.iter_chunked(_CHUNK):
            for part in body.parts(chunk):
                size += len(part)
                _check_download(url, size, access)
                digest.update(part)
                file.write(part)
        body.finish()
        info = FileInfo(url, size, 0, _version(response) or f"content {digest.hexdigest()}")
        with self._lock:
            self._downloads[info] = file
            while len(self._downloads) > 1 and sum(each.size for each in self._downloads) > access.most_download:
                self._downloads.popitem(last=False)
        return info

    def _from_download(self, file: FileInfo, wanted: Range) -> bytes:
        with self._lock:
            download = self._downloads.get(file)
            if download is None:
                raise TransientError("its copy was given up for others")
            self._downloads.move_to_end(file)
            download.seek(wanted[0])
            data: bytes = download.read(wanted[1] - wanted[0])
        return data


def _check_download(url: str, size: int, access: FileAccess) -> None:
    if size > access.most_download:
        raise FileFormatError(
            f"{url!r} is not read: its server sends no parts of files, and it has more than"
            f" {access.most_download} bytes (setting 'download_limit')"
        )


def _version(response: Any) -> str:
    return str(response.headers.get("ETag") or response.headers.get("Last-Modified") or "")


def _encoding(response: Any) -> str:
    return str(response.headers.get("Content-Encoding", "")).strip().lower()
