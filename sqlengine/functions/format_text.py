"""`format` (fmt's and Python's `{:>8.2f}`) and `printf` (C's `%8.2f`): values put into a text, row by row.

Both come down to a list of pieces: literal text, or a number of an argument with a `_Spec` that says how to write
it. Written after the behaviour of the fmt library (https://fmt.dev), version 6, which DuckDB uses.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlengine.errors import BindError, DataError
from sqlengine.functions.overloads import describe_call
from sqlengine.functions.registry import Operand, Resolve, Run, Signature, scalar
from sqlengine.functions.text_function import apply_text
from sqlengine.types import DOUBLE, VARCHAR, SqlType, TypeKind
from sqlengine.vector import Vector


@dataclass(frozen=True, slots=True)
class _Spec:
    """How to write a value; `width` and `precision` may be the number of an argument that says it, in a 1-tuple."""

    fill: str = " "
    align: str = ""
    sign: str = ""
    alternate: bool = False
    grouping: str = ""
    width: int | tuple[int] = 0
    precision: int | tuple[int] | None = None
    kind: str = ""
    is_c: bool = False


_Piece = str | tuple[int, _Spec]

_FIELD: Final = re.compile(
    r"(?:([\x00-\x7a|~])?([<>=^]))?([+\- ])?(#)?(0)?([,_']|t.)?(\d+|\{\d*\})?(?:\.(\d+|\{\d*\}))?([a-zA-Z%,])?"
)
_CONVERSION: Final = re.compile(
    r"%(?:(\d+)\$)?([-+ #0]*)([,_'])?(\d+|\*)?(?:\.(\d+|\*)?)?(?:hh|h|ll|l|z|j|t|L)?([a-zA-Z%]?)"
)
_C_KINDS: Final = frozenset("diuxXobcsfFeEgGaA")


class _Arguments:
    """Numbers arguments: one after the other, or as written, but not both in one format."""

    def __init__(self) -> None:
        self._next = 0
        self._written = False

    def number(self, written: str) -> int:
        """The argument meant by `{}` ("") or `{1}` ("1")."""
        if written and self._next:
            raise DataError("cannot switch from automatic to manual argument indexing")
        if not written and self._written:
            raise DataError("cannot switch from manual to automatic argument indexing")
        if written:
            self._written = True
            return int(written)
        self._next += 1
        return self._next - 1


@functools.lru_cache(256)
def _parse_fmt(text: str) -> tuple[_Piece, ...]:
    pieces: list[_Piece] = []
    arguments = _Arguments()
    position = 0
    while position < len(text):
        character = text[position]
        if text[position : position + 2] in ("{{", "}}"):
            pieces.append(character)
            position += 2
        elif character == "}":
            raise DataError("unmatched '}' in format string")
        elif character == "{":
            head = re.compile(r"\{(\d*)(:)?").match(text, position)
            assert head is not None
            number = arguments.number(head[1])
            position = head.end()
            spec = _Spec()
            if head[2]:
                field = _FIELD.match(text, position)
                assert field is not None
                position = field.end()
                spec = _spec_of(field, arguments)
            if text[position : position + 1] != "}":
                raise DataError("invalid format string: a field {…} does not end, or is not understood")
            position += 1
            pieces.append((number, spec))
        else:
            end = min((found for mark in "{}" if (found := text.find(mark, position)) >= 0), default=len(text))
            pieces.append(text[position:end])
            position = end
    return tuple(pieces)


def _spec_of(field: re.Match[str], arguments: _Arguments) -> _Spec:
    fill, align, sign, alternate, zero, grouping, width, precision, kind = field.groups()

    def number(written: str) -> int | tuple[int]:
        return (arguments.number(written[1:-1]),) if written.startswith("{") else int(written)

    return _Spec(
        fill="0" if zero else fill or " ",
        align="0" if zero else align or "",
        sign=sign or "",
        alternate=bool(alternate),
        grouping=(grouping or "")[-1:],
        width=number(width) if width else 0,
        precision=number(precision) if precision else None,
        kind=kind or "",
    )


@functools.lru_cache(256)
def _parse_printf(text: str) -> tuple[_Piece, ...]:
    pieces: list[_Piece] = []
    arguments = _Arguments()
    position = 0
    while position < len(text):
        start = text.find("%", position)
        if start < 0:
            pieces.append(text[position:])
            break
        pieces.append(text[position:start])
        found = _CONVERSION.match(text, start)
        assert found is not None
        position = found.end()
        if found[0] == "%%":
            pieces.append("%")
            continue
        number, flags, grouping, width, precision, kind = found.groups()
        if kind not in _C_KINDS or not kind:
            raise DataError(f"printf: the conversion {found[0]!r} is not understood")
        wide = (arguments.number(""),) if width == "*" else int(width or 0)
        exact = None
        if "." in found[0]:
            exact = (arguments.number(""),) if precision == "*" else int(precision or 0)
        zero = "0" in flags and "-" not in flags
        spec = _Spec(
            fill="0" if zero else " ",
            align="<" if "-" in flags else "0" if zero else ">",
            sign="+" if "+" in flags else " " if " " in flags else "",
            alternate="#" in flags,
            grouping=grouping or "",
            width=wide,
            precision=exact,
            kind=kind,
            is_c=True,
        )
        # C counts positions from 1.
        pieces.append((arguments.number("" if number is None else str(int(number) - 1)), spec))
    return tuple(pieces)


# -- writing one value ------------------------------------------------------------------------


def _filled(pieces: Sequence[_Piece], values: Sequence[Any]) -> str:
    parts = []
    for piece in pieces:
        if isinstance(piece, str):
            parts.append(piece)
        else:
            number, spec = piece
            resolved = replace(
                spec,
                width=_resolved(spec.width, values),
                precision=None if spec.precision is None else _resolved(spec.precision, values),
            )
            parts.append(_written(_argument(number, values), resolved))
    return "".join(parts)


def _argument(number: int, values: Sequence[Any]) -> Any:
    if not 0 <= number < len(values):
        raise DataError(f'Argument index "{number}" out of range')
    return values[number]


def _resolved(size: int | tuple[int], values: Sequence[Any]) -> int:
    if isinstance(size, int):
        return size
    value = _argument(size[0], values)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise DataError("a width or precision has to be a whole number that is not negative")
    return value


def _written(value: Any, spec: _Spec) -> str:
    match value:
        case bool() if spec.kind in ("", "s") and (spec.is_c or not spec.kind):
            return _padded("true" if value else "false", spec, "<")
        case int():
            return _written_integer(int(value), spec)
        case float():
            return _written_float(value, spec)
        case _:
            if spec.kind not in ("", "s"):
                raise _unfit(spec, "string")
            if spec.align in ("0", "=") or spec.sign or spec.alternate:
                raise DataError("format specifier requires numeric argument")
            text = str(value)
            return _padded(text if spec.precision is None else text[: _size(spec.precision)], spec, "<")


def _size(precision: int | tuple[int] | None) -> int:
    assert isinstance(precision, int)
    return precision


def _unfit(spec: _Spec, what: str) -> DataError:
    return DataError(f'Invalid type specifier "{spec.kind}" for formatting a value of type {what}')


_INTEGER_KINDS: Final = {"": "d", "n": "d", "L": "d", "i": "d", "u": "d", "B": "b", **{kind: kind for kind in "dxXob"}}


def _written_integer(value: int, spec: _Spec) -> str:
    if spec.kind == "c" and spec.is_c:
        return _padded(chr(value), spec, ">")
    kind = _INTEGER_KINDS.get(spec.kind)
    if kind is None or (spec.kind in ("i", "u") and not spec.is_c):
        raise _unfit(spec, "int")
    if spec.precision is not None and not spec.is_c:
        raise DataError("precision not allowed for this argument type")
    if spec.is_c and spec.kind in ("u", "x", "X", "o", "b") and value < 0:
        value += 1 << 64
    digits = format(abs(value), kind)
    if spec.precision is not None:
        digits = digits.rjust(_size(spec.precision), "0")
    if spec.grouping and kind == "d":
        digits = _grouped(digits, spec.grouping)
    prefix = {"x": "0x", "X": "0X", "b": f"0{spec.kind}", "o": "0"}.get(kind, "") if spec.alternate else ""
    return _signed(value < 0, prefix, digits, spec)


def _written_float(value: float, spec: _Spec) -> str:
    if spec.kind not in ("", *"eEfFgGaAnL"):
        raise _unfit(spec, "float")
    magnitude = abs(value)
    if magnitude != magnitude or magnitude == float("inf"):
        digits = "nan" if magnitude != magnitude else "inf"
        digits = digits.upper() if spec.kind in ("E", "F", "G", "A") else digits
    elif spec.kind in ("a", "A"):
        digits = _hexadecimal(magnitude, spec)
    elif spec.kind == "" and spec.precision is None:
        digits = repr(magnitude)
    else:
        # Without a kind fmt keeps the zeros that make up the precision.
        hash_ = "#" if spec.alternate or spec.kind == "" else ""
        exact = "" if spec.precision is None else f".{spec.precision}"
        digits = format(magnitude, f"{hash_}{exact}{'g' if spec.kind in ('', 'n', 'L') else spec.kind}")
    if spec.grouping:
        whole, point, rest = digits.partition(".")
        digits = _grouped(whole, spec.grouping) + point + rest
    return _signed(str(value).startswith("-"), "", digits, spec)


def _hexadecimal(magnitude: float, spec: _Spec) -> str:
    if spec.precision is not None:
        raise DataError("the precision of a hexadecimal float is not supported")
    mantissa, _, exponent = magnitude.hex().partition("p")
    whole, _, fraction = mantissa.partition(".")
    fraction = fraction.rstrip("0")
    text = f"{whole}.{fraction}p{exponent}" if fraction else f"{whole}p{exponent}"
    return text.upper() if spec.kind == "A" else text


def _grouped(digits: str, separator: str) -> str:
    return re.sub(r"(?<=\d)(?=(?:\d{3})+$)", lambda _: separator, digits)


def _signed(negative: bool, prefix: str, digits: str, spec: _Spec) -> str:
    sign = "-" if negative else spec.sign if spec.sign in ("+", " ") else ""
    front = sign + prefix
    if spec.align in ("0", "="):
        width = spec.width if isinstance(spec.width, int) else 0
        return front + digits.rjust(width - len(front), spec.fill)
    return _padded(front + digits, spec, ">")


def _padded(text: str, spec: _Spec, default: str) -> str:
    width = spec.width if isinstance(spec.width, int) else 0
    missing = width - len(text)
    if missing <= 0:
        return text
    align = spec.align if spec.align in ("<", ">", "^") else default
    before = {"<": 0, ">": missing, "^": missing // 2}[align]
    return spec.fill * before + text + spec.fill * (missing - before)


# -- the functions ----------------------------------------------------------------------------


def _resolver(name: str) -> Resolve:
    """A format and any values: numbers and booleans come as they are, everything else as text."""

    def resolve(operands: Sequence[Operand]) -> Signature:
        if not operands or operands[0].type.kind not in (TypeKind.VARCHAR, TypeKind.NULL):
            raise BindError(f"{describe_call(name, operands)}: it takes a format (VARCHAR) and any values")
        return Signature((VARCHAR, *(_taken_as(operand.type) for operand in operands[1:])), VARCHAR)

    return resolve


def _taken_as(sql_type: SqlType) -> SqlType:
    if sql_type.is_integer or sql_type.kind is TypeKind.BOOLEAN:
        return sql_type
    return DOUBLE if sql_type.is_numeric else VARCHAR


def _fills(parse: Callable[[str], tuple[_Piece, ...]]) -> Run:
    def run(arguments: Sequence[Vector], result: SqlType) -> Vector:
        return apply_text(arguments, result, lambda text, *values: _filled(parse(text), values))

    return run


scalar(
    "format",
    _resolver("format"),
    example=("SELECT format('{} costs {:.2f}', 'tea', 2.5)", "tea costs 2.50"),
    summary="Values put into a text at its {} marks, which may say how (fmt and Python syntax).",
    usage="format(text, value, ...)",
)(_fills(_parse_fmt))
scalar(
    "printf",
    _resolver("printf"),
    example=("SELECT printf('%s costs %.2f', 'tea', 2.5)", "tea costs 2.50"),
    summary="Values put into a text at its % marks (C syntax).",
    usage="printf(text, value, ...)",
)(_fills(_parse_printf))
