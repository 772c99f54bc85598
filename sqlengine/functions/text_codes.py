"""Text and bytes in other codes: checksums, base64, URL escapes, UTF-8."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final
from urllib.parse import quote

from sqlengine.errors import ConversionError
from sqlengine.functions.overloads import overload
from sqlengine.functions.text_function import text_function
from sqlengine.types import BLOB, UBIGINT, VARCHAR

_CHECKSUM: Final = (overload(VARCHAR, VARCHAR), overload(BLOB, VARCHAR))


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _md5(value: str | bytes) -> bytes:
    return hashlib.md5(_bytes(value), usedforsecurity=False).digest()


text_function(
    "md5",
    *_CHECKSUM,
    one=lambda value: _md5(value).hex(),
    example=("SELECT md5('a')", "0cc175b9c0f1b6a831c399e269772661"),
    summary="The MD5 checksum of a text or blob, in hexadecimal.",
)
text_function(
    "md5_number_upper",
    *(overload(each, UBIGINT) for each in (VARCHAR, BLOB)),
    one=lambda value: int.from_bytes(_md5(value)[:8], "little"),
    example=("SELECT md5_number_upper('a')", "12157170054180749580"),
    summary="The first half of the MD5 checksum as a number.",
)
text_function(
    "md5_number_lower",
    *(overload(each, UBIGINT) for each in (VARCHAR, BLOB)),
    one=lambda value: int.from_bytes(_md5(value)[8:], "little"),
    example=("SELECT md5_number_lower('a')", "7000413967451013937"),
    summary="The second half of the MD5 checksum as a number.",
)
text_function(
    "sha1",
    *_CHECKSUM,
    one=lambda value: hashlib.sha1(_bytes(value), usedforsecurity=False).hexdigest(),
    example=("SELECT sha1('a')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
    summary="The SHA-1 checksum of a text or blob, in hexadecimal.",
)
text_function(
    "sha256",
    *_CHECKSUM,
    one=lambda value: hashlib.sha256(_bytes(value)).hexdigest(),
    example=("SELECT sha256('a')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
    summary="The SHA-256 checksum of a text or blob, in hexadecimal.",
)


# -- base64 and URLs --------------------------------------------------------------------------


def _from_base64(text: str) -> bytes:
    if len(text) % 4:
        raise ConversionError(f'Could not decode string "{text}" as base64: length must be a multiple of 4')
    if re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", text) is None:
        raise ConversionError(f'Could not decode string "{text}" as base64: invalid character')
    return base64.b64decode(text)


_ESCAPE: Final = re.compile(rb"%([0-9a-fA-F]{2})")


def _url_decode(text: str) -> str:
    decoded = _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode())
    try:
        return decoded.decode()
    except UnicodeDecodeError:
        raise ConversionError(f"Failed to decode string {text!r} using URL decoding: not valid UTF-8") from None


text_function(
    "to_base64",
    overload(BLOB, VARCHAR),
    one=lambda value: base64.b64encode(value).decode(),
    aliases=("base64",),
    example=("SELECT to_base64('A'::BLOB)", "QQ=="),
    summary="Bytes in base64.",
)
text_function(
    "from_base64",
    overload(VARCHAR, BLOB),
    one=_from_base64,
    example=("SELECT from_base64('QQ==')", "A"),
    summary="The bytes that base64 writes.",
)
text_function(
    "url_encode",
    overload(VARCHAR, VARCHAR),
    one=lambda text: quote(text, safe=""),
    example=("SELECT url_encode('a b&c')", "a%20b%26c"),
    summary="A text with every character that means something in a URL escaped.",
)
text_function(
    "url_decode",
    overload(VARCHAR, VARCHAR),
    one=_url_decode,
    example=("SELECT url_decode('a%20b%26c')", "a b&c"),
    summary="A text with the escapes of URLs undone.",
)


# -- UTF-8 ------------------------------------------------------------------------------------


def _decode(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ConversionError("Failure in decode: the blob contained invalid UTF8 characters") from None


text_function(
    "encode",
    overload(VARCHAR, BLOB),
    one=str.encode,
    many=lambda array: array.cast("binary"),
    example=("SELECT encode('ä')", "\\xC3\\xA4"),
    summary="The bytes of a text in UTF-8.",
)
text_function(
    "decode",
    overload(BLOB, VARCHAR),
    one=_decode,
    example=("SELECT decode('\\xC3\\xA4'::BLOB)", "ä"),
    summary="The text that bytes are in UTF-8; an error if they are none.",
)
