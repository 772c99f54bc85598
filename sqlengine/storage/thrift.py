"""Thrift's compact protocol, as far as Parquet's footers need it: to values that can be changed, and back to bytes.

Apache Thrift, `doc/specs/thrift-compact-protocol.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlengine.errors import InternalError


class _Type:
    """What the protocol calls the types."""

    TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)


@dataclass(slots=True)
class Value:
    """A value and its type in the protocol.

    `content` is an int, bytes (a text, a double, a byte), a bool, a `List`, or a `Struct`.
    """

    type: int
    content: Any


@dataclass(slots=True)
class List:
    """The elements of a list and their type."""

    type: int
    elements: list[Any]


#: Number of the field -> value, in the order of the bytes.
Struct = dict[int, Value]


def parse_struct(data: bytes) -> Struct:
    """The struct that `data` is; InternalError if it has a map, which footers have not."""
    return _Reader(data).struct()


def struct_bytes(struct: Struct) -> bytes:
    """The inverse of `parse_struct`."""
    out = bytearray()
    _write(out, _Type.STRUCT, struct)
    return bytes(out)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self) -> Struct:
        fields: Struct = {}
        number = 0
        while head := self._bytes(1)[0]:
            delta, type_ = head >> 4, head & 15
            number = number + delta if delta else self._integer()
            # Of a boolean the type is the value.
            content = type_ == _Type.TRUE if type_ in (_Type.TRUE, _Type.FALSE) else self._value(type_)
            fields[number] = Value(type_, content)
        return fields

    def _value(self, type_: int) -> Any:
        match type_:
            case _Type.I16 | _Type.I32 | _Type.I64:
                return self._integer()
            case _Type.TRUE | _Type.FALSE | _Type.BYTE:
                return self._bytes(1)
            case _Type.DOUBLE:
                return self._bytes(8)
            case _Type.BINARY:
                return self._bytes(self._varint())
            case _Type.LIST | _Type.SET:
                head = self._bytes(1)[0]
                size, element = head >> 4, head & 15
                size = self._varint() if size == 15 else size
                return List(element, [self._value(element) for _ in range(size)])
            case _Type.STRUCT:
                return self.struct()
            case _:
                raise InternalError(f"a Thrift value of type {type_} in a footer")

    def _bytes(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]

    def _varint(self) -> int:
        data, at = self._data, self._at
        number = shift = 0
        while (byte := data[at]) > 127:
            number |= (byte & 127) << shift
            shift += 7
            at += 1
        self._at = at + 1
        return number | byte << shift

    def _integer(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)


def _write(out: bytearray, type_: int, content: Any) -> None:
    match type_:
        case _Type.I16 | _Type.I32 | _Type.I64:
            _write_varint(out, (content << 1) ^ (content >> 63))
        case _Type.BINARY:
            _write_varint(out, len(content))
            out += content
        case _Type.LIST | _Type.SET:
            size = len(content.elements)
            out.append(min(size, 15) << 4 | content.type)
            if size >= 15:
                _write_varint(out, size)
            for element in content.elements:
                _write(out, content.type, element)
        case _Type.STRUCT:
            before = 0
            for number, value in content.items():
                if 0 < number - before < 16:
                    out.append((number - before) << 4 | value.type)
                else:
                    out.append(value.type)
                    _write_varint(out, (number << 1) ^ (number >> 63))
                if value.type not in (_Type.TRUE, _Type.FALSE):
                    _write(out, value.type, value.content)
                before = number
            out.append(0)
        case _:
            out += content


def _write_varint(out: bytearray, number: int) -> None:
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
