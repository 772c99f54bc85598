"""The grammar of JSON (RFC 8259) as loops: where the value that begins at a place ends, or that there is none.

n: bytes. One pass with a stack of open brackets, no recursion. `data` is uint8[n], of which `at` to `stop` is looked
at; loops return the place behind what they skipped, or -1 if that is malformed (the stack being too small included).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sqlengine.kernels._jit import inner

DEEPEST: Final = 1024
"""Brackets that may be open at a time: the size of `stack`."""


@inner
def skip_blanks(data: Any, at: Any, stop: Any) -> Any:
    """The first place at or after `at` that is no blank; `stop` if there is none."""
    while at < stop and (data[at] == 32 or data[at] == 10 or data[at] == 13 or data[at] == 9):
        at += 1
    return at


@inner
def _hexadecimal(data: Any, at: Any, stop: Any) -> Any:
    """The number that four hexadecimal digits at `at` are, or -1."""
    if at + 4 > stop:
        return -1
    number: Any = 0
    for place in range(at, at + 4):
        digit = np.int64(data[place])
        if 48 <= digit <= 57:
            number = number * 16 + digit - 48
        elif 65 <= digit <= 70 or 97 <= digit <= 102:
            number = number * 16 + (digit & 7) + 9
        else:
            return -1
    return number


@inner
def _skip_escape(data: Any, at: Any, stop: Any) -> Any:
    """Behind the escape whose backslash is at `at`; -1 if it is none, or half of a surrogate pair."""
    if at + 1 >= stop:
        return -1
    mark = data[at + 1]
    if mark != 117:
        known = mark == 34 or mark == 92 or mark == 47 or mark == 98 or mark == 102 or mark == 110 or mark == 114
        return at + 2 if known or mark == 116 else -1
    number = _hexadecimal(data, at + 2, stop)
    if number < 0 or 0xDC00 <= number < 0xE000:
        return -1
    if number < 0xD800 or number >= 0xE000:
        return at + 6
    if at + 12 > stop or data[at + 6] != 92 or data[at + 7] != 117:
        return -1
    low = _hexadecimal(data, at + 8, stop)
    return at + 12 if 0xDC00 <= low < 0xE000 else -1


@inner
def skip_string(data: Any, at: Any, stop: Any) -> Any:
    """Behind the quote that ends the string whose first character is at `at`; -1 if it is malformed."""
    while at < stop:
        mark = data[at]
        if mark == 34:
            return at + 1
        if mark == 92:
            at = _skip_escape(data, at, stop)
            if at < 0:
                return -1
        elif mark < 32:
            return -1
        else:
            at += 1
    return -1


@inner
def skip_digits(data: Any, at: Any, stop: Any) -> Any:
    """The first place at or after `at` that is no digit."""
    while at < stop and 48 <= data[at] <= 57:
        at += 1
    return at


@inner
def skip_number(data: Any, at: Any, stop: Any) -> Any:
    """Behind the number at `at`; -1 if it is malformed."""
    if data[at] == 45:
        at += 1
    first = at
    at = skip_digits(data, at, stop)
    if at == first or (data[first] == 48 and at > first + 1):
        return -1
    if at < stop and data[at] == 46:
        first = at + 1
        at = skip_digits(data, first, stop)
        if at == first:
            return -1
    if at < stop and (data[at] == 101 or data[at] == 69):
        at += 1
        if at < stop and (data[at] == 43 or data[at] == 45):
            at += 1
        first = at
        at = skip_digits(data, first, stop)
        if at == first:
            return -1
    return at


@inner
def _skip_scalar(data: Any, at: Any, stop: Any) -> Any:
    """Behind the string, number, true, false or null at `at`; -1 if it is none."""
    mark = data[at]
    if mark == 34:
        return skip_string(data, at + 1, stop)
    if mark == 45 or 48 <= mark <= 57:
        return skip_number(data, at, stop)
    if is_null(data, at, stop):
        return at + 4
    if at + 4 <= stop and mark == 116 and data[at + 1] == 114 and data[at + 2] == 117 and data[at + 3] == 101:
        return at + 4
    if at + 5 <= stop and mark == 102 and data[at + 1] == 97 and data[at + 2] == 108 and data[at + 3] == 115:
        return at + 5 if data[at + 4] == 101 else -1
    return -1


@inner
def is_null(data: Any, at: Any, stop: Any) -> Any:
    """Whether `null` stands at `at`."""
    if at + 4 > stop or data[at] != 110:
        return False
    return data[at + 1] == 117 and data[at + 2] == 108 and data[at + 3] == 108


@inner
def _skip_key(data: Any, at: Any, stop: Any) -> Any:
    """Behind the colon of the key at or after `at`; -1 if there is none."""
    at = skip_blanks(data, at, stop)
    if at >= stop or data[at] != 34:
        return -1
    at = skip_string(data, at + 1, stop)
    if at < 0:
        return -1
    at = skip_blanks(data, at, stop)
    return at + 1 if at < stop and data[at] == 58 else -1


@inner
def skip_value(data: Any, at: Any, stop: Any, stack: Any) -> Any:
    """Behind the value at or after `at`; -1 if there is none, or it is malformed."""
    depth = 0
    while True:
        at = skip_blanks(data, at, stop)
        if at >= stop:
            return -1
        mark = data[at]
        if mark == 123 or mark == 91:
            if depth == stack.size:
                return -1
            stack[depth] = mark
            depth += 1
            at = skip_blanks(data, at + 1, stop)
            # A closing bracket is two behind its opening one.
            if at >= stop or data[at] != mark + 2:
                if mark == 123:
                    at = _skip_key(data, at, stop)
                    if at < 0:
                        return -1
                continue
        else:
            at = _skip_scalar(data, at, stop)
            if at < 0:
                return -1
        while True:
            if depth == 0:
                return at
            at = skip_blanks(data, at, stop)
            if at >= stop:
                return -1
            if data[at] == stack[depth - 1] + 2:
                depth -= 1
                at += 1
                continue
            if data[at] != 44:
                return -1
            at += 1
            if stack[depth - 1] == 123:
                at = _skip_key(data, at, stop)
                if at < 0:
                    return -1
            break
