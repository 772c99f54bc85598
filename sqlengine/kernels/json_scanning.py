"""Where the values of a JSON text begin and end, and the text of each without blanks.

n: bytes, v: values, k: keys, c: children. A value is the stretch `starts[i]` to `stops[i]` of `data`; SQL's NULL, which
is JSON's null or a member that is not there, begins at a negative place.

`find_values` checks what it finds; the other loops are for values that it found. What they refuse (-1) may be JSON
that they do not know (keys with escapes, equal keys, deeper than the stack): the caller asks a full parser.
"""

from __future__ import annotations

from typing import Any, Final

from sqlengine.kernels._jit import inner, kernel
from sqlengine.kernels.json_grammar import (
    is_null,
    skip_blanks,
    skip_digits,
    skip_number,
    skip_string,
    skip_value,
)

ESCAPED: Final = 1
"""Of `flags`: a string has an escape that could be written in another way."""

ABSENT: Final = -2
NULL: Final = -1


@kernel("int64(uint8[::1], int64[::1], int64, int64, int64[::1], int64[::1], uint8[::1])")
def find_values(data: Any, ends: Any, commas: Any, last: Any, starts: Any, stops: Any, stack: Any) -> Any:
    """Find the values that a text is made of.

    data    uint8[n]
    ends    int64[e]     where stretches end that hold whole values; blanks alone hold none
    commas  0            a stretch holds one value;
            1            values have commas between them, and behind the last one unless `last`
            2            values stand one behind the other
    starts, stops  int64[v]   written; v is large enough

    Returns the number of values; -1 if the text is something else.
    """
    found = 0
    begin = 0
    for stretch in range(ends.size):
        stop = ends[stretch]
        at = skip_blanks(data, begin, stop)
        while at < stop:
            starts[found] = at
            at = skip_value(data, at, stop, stack)
            if at < 0:
                return -1
            stops[found] = at
            found += 1
            at = skip_blanks(data, at, stop)
            if commas == 0 and at < stop:
                return -1
            if commas == 1:
                if at == stop:
                    if last == 0:
                        return -1
                elif data[at] != 44:
                    return -1
                else:
                    at = skip_blanks(data, at + 1, stop)
                    if at == stop and last != 0:
                        return -1
        begin = stop
    return found


@inner
def _find_key(data: Any, start: Any, stop: Any, keys: Any, ends: Any, guess: Any) -> Any:
    """The number of the key at `start` to `stop`, looked for from `guess` on; -1 if it is none of `keys`."""
    for turn in range(ends.size):
        number = (guess + turn) % ends.size
        first = ends[number - 1] if number else 0
        if ends[number] - first == stop - start:
            same = True
            for place in range(stop - start):
                if data[start + place] != keys[first + place]:
                    same = False
                    break
            if same:
                return number
    return -1


@kernel("int64(uint8[::1], int64[::1], int64[::1], uint8[::1], int64[::1], int64[:, ::1], int64[:, ::1], uint8[::1])")
def find_members(
    data: Any, starts: Any, stops: Any, keys: Any, ends: Any, begins: Any, behinds: Any, stack: Any
) -> Any:
    """Find the members of objects that have certain keys.

    data     uint8[n]
    starts, stops    int64[v]      the objects
    keys     uint8[…]              the keys behind each other, without escapes
    ends     int64[k]              where each ends
    begins, behinds  int64[k, v]   written: the value of each key in each object

    Returns how many members have other keys; -1 if a value is no object, a key has an escape or is there twice.
    """
    others = 0
    for value in range(starts.size):
        for number in range(ends.size):
            begins[number, value] = ABSENT
        at, stop = starts[value], stops[value]
        if at < 0 or is_null(data, at, stop):
            continue
        if data[at] != 123:
            return -1
        at = skip_blanks(data, at + 1, stop)
        guess = 0
        while data[at] != 125:
            first = at + 1
            at = skip_string(data, first, stop)
            for place in range(first, at):
                if data[place] == 92:
                    return -1
            number = _find_key(data, first, at - 1, keys, ends, guess)
            at = skip_blanks(data, skip_blanks(data, at, stop) + 1, stop)
            begin = at
            at = skip_value(data, at, stop, stack)
            if number < 0:
                others += 1
            else:
                if begins[number, value] != ABSENT:
                    return -1
                begins[number, value] = NULL if is_null(data, begin, at) else begin
                behinds[number, value] = at
                guess = number + 1
            at = skip_blanks(data, at, stop)
            if data[at] == 44:
                at = skip_blanks(data, at + 1, stop)
    return others


@kernel(
    "int64(uint8[::1], int64[::1], int64[::1], uint8, int64[::1], int64[::1], int64[::1], int64[::1], int64[::1],"
    " uint8[::1])"
)
def find_children(
    data: Any,
    starts: Any,
    stops: Any,
    bracket: Any,
    sizes: Any,
    keys: Any,
    key_stops: Any,
    begins: Any,
    behinds: Any,
    stack: Any,
) -> Any:
    """Find all elements of arrays, or all members of objects.

    data     uint8[n]
    starts, stops    int64[v]   the arrays or objects
    bracket                     what they begin with
    sizes    int64[v]           written: how many children each has
    keys, key_stops  int64[c]   written, of objects: the key of each child without its quotes; c is large enough
    begins, behinds  int64[c]   written: each child

    Returns the number of children; -1 if a value is something else.
    """
    found = 0
    for value in range(starts.size):
        sizes[value] = 0
        at, stop = starts[value], stops[value]
        if at < 0:
            continue
        if data[at] != bracket:
            return -1
        before = found
        at = skip_blanks(data, at + 1, stop)
        while data[at] != bracket + 2:
            if bracket == 123:
                keys[found] = at + 1
                at = skip_string(data, at + 1, stop)
                key_stops[found] = at - 1
                at = skip_blanks(data, skip_blanks(data, at, stop) + 1, stop)
            begin = at
            at = skip_value(data, at, stop, stack)
            begins[found] = NULL if is_null(data, begin, at) else begin
            behinds[found] = at
            found += 1
            at = skip_blanks(data, at, stop)
            if data[at] == 44:
                at = skip_blanks(data, at + 1, stop)
        sizes[value] = found - before
    return found


@inner
def _is_plain(data: Any, at: Any, stop: Any) -> Any:
    """Whether the number is written as its DOUBLE is, for sure: at most 15 digits, no exponent, no zeros too many."""
    if data[at] == 45:
        at += 1
        if data[at] == 48 and stop == at + 1:
            return False
    dot = skip_digits(data, at, stop)
    if dot == stop:
        return True
    if data[dot] != 46 or stop - at > 16 or skip_digits(data, dot + 1, stop) != stop:
        return False
    if data[at] == 48 and stop - dot > 5:
        return False
    return data[stop - 1] != 48 or stop == dot + 2


@kernel(
    "int64(uint8[::1], int64[::1], int64[::1], uint8[::1], uint8[::1], uint8[::1], int32[::1], uint8[::1],"
    " int64[::1], int64[::1], int64[::1])"
)
def write_values(
    data: Any,
    starts: Any,
    stops: Any,
    before: Any,
    behind: Any,
    out: Any,
    offsets: Any,
    flags: Any,
    odd_rows: Any,
    odd_starts: Any,
    odd_stops: Any,
) -> Any:
    """Write values without blanks, between `before` and `behind`.

    data     uint8[n]
    starts, stops  int64[v]     valid values; of NULL nothing is written but what stands around it, and 0 for it
    out      uint8[…]           written; large enough
    offsets  int32[v+1]         written: where each begins in `out`
    flags    uint8[v]           written
    odd_rows, odd_starts, odd_stops  int64[…]   written: value and place in `out` of numbers that might have to be
                                                written in another way; large enough

    Returns how many such numbers there are.
    """
    odd = 0
    to = 0
    for value in range(starts.size):
        offsets[value] = to
        flags[value] = 0
        for place in range(before.size):
            out[to] = before[place]
            to += 1
        at, stop = starts[value], stops[value]
        if at < 0 and before.size:
            for mark in (110, 117, 108, 108):
                out[to] = mark
                to += 1
        while 0 <= at < stop:
            mark = data[at]
            if mark == 34:
                end = skip_string(data, at + 1, stop)
                while at < end:
                    if data[at] == 92:
                        if data[at + 1] == 117 or data[at + 1] == 47:
                            flags[value] = ESCAPED
                        out[to] = data[at]
                        to += 1
                        at += 1
                    out[to] = data[at]
                    to += 1
                    at += 1
            elif mark == 45 or 48 <= mark <= 57:
                end = skip_number(data, at, stop)
                if not _is_plain(data, at, end):
                    odd_rows[odd], odd_starts[odd], odd_stops[odd] = value, to, to + end - at
                    odd += 1
                while at < end:
                    out[to] = data[at]
                    to += 1
                    at += 1
            else:
                if mark > 32:
                    out[to] = mark
                    to += 1
                at += 1
        for place in range(behind.size):
            out[to] = behind[place]
            to += 1
    offsets[starts.size] = to
    return odd


@kernel("void(uint8[::1], int64[::1], int64[::1])")
def blank_values(data: Any, starts: Any, stops: Any) -> None:
    """Put a 0 and blanks in the place of each value.

    data  uint8[n]   changed
    """
    for value in range(starts.size):
        if starts[value] >= 0:
            data[starts[value]] = 48
            for place in range(starts[value] + 1, stops[value]):
                data[place] = 32


@kernel("int64(uint8[::1], int64, int64, int64[::1], int64[::1])")
def find_commas(data: Any, offset: Any, step: Any, state: Any, places: Any) -> Any:
    """Find commas between the elements of an array, about every so many bytes, a block of it at a time.

    data    uint8[n]   the block, which begins at `offset` of the text
    state   int64[4]   brackets open, whether in a string, whether behind a backslash there, where the next comma is
                       looked for; changed
    places  int64[…]   written: the place behind each comma in the text; large enough for n / step + 1

    Returns the number of commas. Checks no grammar.
    """
    found = 0
    depth, in_string, escaped, wanted = state[0], state[1], state[2], state[3]
    for at in range(data.size):
        mark = data[at]
        if in_string:
            if escaped:
                escaped = 0
            elif mark == 92:
                escaped = 1
            elif mark == 34:
                in_string = 0
        elif mark == 34:
            in_string = 1
        elif mark == 44:
            if depth == 1 and offset + at >= wanted:
                places[found] = offset + at + 1
                found += 1
                wanted = offset + at + 1 + step
        elif mark == 123 or mark == 91:
            depth += 1
        elif mark == 125 or mark == 93:
            depth -= 1
    state[0], state[1], state[2], state[3] = depth, in_string, escaped, wanted
    return found


@kernel("int64(uint8[::1], int64)")
def find_boundary(data: Any, commas: Any) -> Any:
    """Find where whole values end last in a text that begins with one; 0 if none does. Checks no grammar.

    data    uint8[n]
    commas  0   behind the last bracket that closes a value;
            1   behind the last comma between elements of an array, or behind the bracket that closes it
    """
    depth = 0
    last = 0
    at = 0
    while at < data.size:
        mark = data[at]
        at += 1
        if mark == 34:
            while at < data.size and data[at] != 34:
                at += 2 if data[at] == 92 else 1
            at += 1
        elif mark == 44:
            if commas != 0 and depth == 0:
                last = at
        elif mark == 123 or mark == 91:
            depth += 1
        elif mark == 125 or mark == 93:
            depth -= 1
            if commas != 0:
                if depth < 0:
                    return at
            elif depth == 0:
                last = at
    return last
