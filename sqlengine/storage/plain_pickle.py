"""Read lists of names that other programs pickled, without unpickling.

PyTables stores attributes that are Python objects as pickles, the column names of a pandas table among them.
Unpickling runs what a file says. Here the opcodes are only tokenized (by `pickletools`, which runs nothing) and those
that make lists, tuples, dicts, text and numbers are followed. Whatever would call or import something becomes an
`Opaque`, which can be recognized and do nothing.
"""

from __future__ import annotations

import pickletools
from typing import Any, Final

_MARK: Final = object()
_MOST_BYTES: Final = 16 << 20

_CONSTANTS: Final[dict[str, Any]] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES: Final = frozenset(
    {
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
        *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    }
)
_TUPLES: Final = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
# Opcode -> how many values it replaces by an object; None: those down to the mark.
_CALLS: Final[dict[str, int | None]] = {
    "GLOBAL": 0,
    "STACK_GLOBAL": 2,
    "REDUCE": 2,
    "BUILD": 2,
    "NEWOBJ": 2,
    "NEWOBJ_EX": 3,
    "INST": None,
    "OBJ": None,
}


class Opaque:
    """Stands for an object that was not made."""


def read_plain_pickle(data: bytes) -> Any:
    """The value that `data` pickles: None, bool, int, float, str, bytes, list, tuple, dict, `Opaque`.

    Raises
    ------
    ValueError
        If `data` is no pickle, or one that this reader does not follow.
    """
    if len(data) > _MOST_BYTES:
        raise ValueError("a pickle of more than 16 MiB")
    try:
        return _run(data)
    except (LookupError, TypeError, AttributeError, ValueError, MemoryError) as error:
        raise ValueError(f"no pickle that can be read: {error}") from error


def _run(data: bytes) -> Any:
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for opcode, argument, _ in pickletools.genops(data):
        name = opcode.name
        if name == "STOP":
            return stack.pop()
        if name in ("PROTO", "FRAME"):
            continue
        if name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _VALUES:
            stack.append(argument)
        elif name in _TUPLES:
            stack.append(tuple(_popped(stack, _TUPLES[name])))
        elif name in _CALLS:
            count = _CALLS[name]
            _ = _marked(stack) if count is None else _popped(stack, count)
            stack.append(Opaque())
        else:
            _change(name, argument, stack, memo)
    raise ValueError("a pickle without an end")


def _change(name: str, argument: Any, stack: list[Any], memo: dict[int, Any]) -> None:
    """The opcodes that work on what is there."""
    match name:
        case "MARK":
            stack.append(_MARK)
        case "POP":
            stack.pop()
        case "PUT" | "BINPUT" | "LONG_BINPUT":
            memo[argument] = stack[-1]
        case "MEMOIZE":
            memo[len(memo)] = stack[-1]
        case "GET" | "BINGET" | "LONG_BINGET":
            stack.append(memo[argument])
        case "EMPTY_LIST":
            stack.append([])
        case "EMPTY_DICT":
            stack.append({})
        case "LIST":
            stack.append(_marked(stack))
        case "TUPLE":
            stack.append(tuple(_marked(stack)))
        case "DICT":
            stack.append(_pairs(_marked(stack)))
        case "APPEND":
            (item,) = _popped(stack, 1)
            _extend(stack[-1], [item])
        case "APPENDS":
            items = _marked(stack)
            _extend(stack[-1], items)
        case "SETITEM":
            items = _popped(stack, 2)
            _update(stack[-1], items)
        case "SETITEMS":
            items = _marked(stack)
            _update(stack[-1], items)
        case _:
            raise ValueError(f"a pickle with {name}")


def _popped(stack: list[Any], count: int) -> list[Any]:
    if len(stack) < count:
        raise ValueError("a pickle that takes what is not there")
    taken = stack[len(stack) - count :]
    del stack[len(stack) - count :]
    return taken


def _marked(stack: list[Any]) -> list[Any]:
    """What lies above the last mark."""
    for place in range(len(stack) - 1, -1, -1):
        if stack[place] is _MARK:
            taken = stack[place + 1 :]
            del stack[place:]
            return taken
    raise ValueError("a pickle without a mark")


def _extend(target: Any, items: list[Any]) -> None:
    if isinstance(target, list):
        target.extend(items)
    elif not isinstance(target, Opaque):
        raise ValueError("a pickle that appends to no list")


def _update(target: Any, items: list[Any]) -> None:
    if isinstance(target, dict):
        target.update(_pairs(items))
    elif not isinstance(target, Opaque):
        raise ValueError("a pickle that sets items of no dict")


def _pairs(items: list[Any]) -> dict[Any, Any]:
    return {key: value for key, value in zip(items[::2], items[1::2], strict=True) if _is_key(key)}


def _is_key(key: Any) -> bool:
    return isinstance(key, str | bytes | int | float | None)
