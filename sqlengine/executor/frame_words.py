"""States of aggregates over frames in machine code: counts, sums and extremes of what is made of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sqlengine.executor.ordering import from_ordered_words, integer_words, is_wide, ordered_words, wide_vector
from sqlengine.executor.sort_keys import encode_sort_keys
from sqlengine.functions.registry import State, StateOp
from sqlengine.kernels.framing import build_minima, build_sums, min_frames, sum_frames
from sqlengine.types import BIGINT, TypeKind, words_dtype
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sqlengine.functions.window_rows import Rows, Segment

_LOW: Final = np.int64(0xFFFFFFFF)
_LARGEST: Final = np.iinfo(np.int64).max


def word_state(state: State, arguments: Sequence[Vector], frame: tuple[Segment, ...]) -> Vector | None:
    """A state over the frame of each row; None if it is of a kind that is not computed here.

    Parameters
    ----------
    arguments
        Of the state, in window order and not constant; none for COUNT_ALL.
    """
    argument = arguments[0] if len(arguments) == 1 else None
    match state.op:
        case StateOp.COUNT_ALL:
            return Vector.from_values(_frame_sizes(frame), None, BIGINT)
        case StateOp.COUNT if argument is not None:
            return Vector.from_values(_counts(argument, frame), None, BIGINT)
        case StateOp.SUM if argument is not None and argument.has_words() and words_dtype(argument.type) is not None:
            if state.type.is_float:
                return _float_sums(state, argument, frame)
            return _exact_sums(state, argument, frame) if state.type.is_unscaled else None
        case StateOp.MIN | StateOp.MAX if argument is not None and argument.type.kind is not TypeKind.NULL:
            return _extremes(state, argument, frame)
        case _:
            return None


def _frame_sizes(frame: tuple[Segment, ...]) -> Rows:
    total = frame[0][1] - frame[0][0]
    for begin, end in frame[1:]:
        total = total + (end - begin)
    return total


def _counts(argument: Vector, frame: tuple[Segment, ...]) -> Rows:
    """Values that are not NULL in each frame."""
    valid = argument.valid()
    return _frame_sizes(frame) if valid is None else _differences(valid, frame)


def _differences(values: NDArray[Any], frame: tuple[Segment, ...]) -> Rows:
    """Sums of whole numbers over each frame, modulo 2**64."""
    running = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=running[1:])
    total = running.take(frame[0][1]) - running.take(frame[0][0])
    for begin, end in frame[1:]:
        total += running.take(end) - running.take(begin)
    return total


def _seen(argument: Vector, frame: tuple[Segment, ...]) -> NDArray[np.bool_] | None:
    """Where the frame has a value that is not NULL; None if everywhere."""
    seen = _counts(argument, frame) > 0
    return None if seen.all() else seen


def _exact_sums(state: State, argument: Vector, frame: tuple[Segment, ...]) -> Vector:
    words = integer_words(argument)
    valid = argument.valid()
    if valid is not None:
        words = np.where(valid, words, np.int64(0))
    seen = _seen(argument, frame)
    unsigned = argument.type.kind is TypeKind.UBIGINT
    largest = max(abs(int(words.min())), abs(int(words.max()))) if len(words) else 0
    if not unsigned and largest * len(words) <= _LARGEST:
        return Vector.from_values(_differences(words, frame), seen, state.type)
    # The halves of a word apart, so that nothing overflows.
    lower = _differences(words & _LOW, frame)
    upper = _differences((words.view(np.uint64) >> np.uint64(32)).view(np.int64) if unsigned else words >> 32, frame)
    shifted = upper.view(np.uint64) << np.uint64(32)
    low = shifted + lower.view(np.uint64)
    high = (upper >> 32) + (low < shifted)
    return wide_vector(low.view(np.int64), high, seen, state.type)


def _flat(frame: tuple[Segment, ...]) -> tuple[Rows, Rows]:
    """Segments as kernels take them: all first ones, then all second ones."""
    return np.concatenate([begin for begin, _ in frame]), np.concatenate([end for _, end in frame])


def _float_sums(state: State, argument: Vector, frame: tuple[Segment, ...]) -> Vector:
    values, valid = argument.values(), argument.valid()
    tree = np.zeros(2 * len(values), np.float64)
    tree[len(values) :] = values if valid is None else np.where(valid, values, 0.0)
    build_sums(tree)
    sums = np.empty(len(frame[0][0]), np.float64)
    sum_frames(tree, *_flat(frame), sums)
    dtype = words_dtype(state.type)
    assert dtype is not None
    return Vector.from_values(sums.astype(dtype, copy=False), _seen(argument, frame), state.type)


def _extremes(state: State, argument: Vector, frame: tuple[Segment, ...]) -> Vector | None:
    """MIN and MAX of what is made of words, and of text by its rank among all values."""
    words = _ascending_words(argument)
    if words is None:
        return None
    valid = argument.valid()
    flip = np.int64(-1 if state.op is StateOp.MAX else 0)
    tree = np.empty(2 * len(words), np.int64)
    tree[len(words) :] = words ^ flip if valid is None else np.where(valid, words ^ flip, _LARGEST)
    build_minima(tree)
    best = np.empty(len(frame[0][0]), np.int64)
    min_frames(tree, *_flat(frame), best)
    seen = _seen(argument, frame)
    best = best ^ flip if seen is None else np.where(seen, best ^ flip, 0)
    if not argument.type.is_text:
        return from_ordered_words(best, seen, state.type)
    row_of_rank = np.full(int(words.max(initial=0)) + 1, -1, np.int64)
    # A NULL has the rank of a value too.
    known = np.arange(len(words)) if valid is None else np.flatnonzero(valid)
    row_of_rank[words[known]] = known
    rows = row_of_rank.take(best)
    return argument.take(rows if seen is None else np.where(seen, rows, -1), may_miss=True)


def _ascending_words(argument: Vector) -> Rows | None:
    """int64[n] in the order of the values, arbitrary where NULL; None if they do not fit a word."""
    if argument.type.is_text:
        return encode_sort_keys([argument], [False], [False], len(argument))[-1].view(np.int64)
    if words_dtype(argument.type) is None or is_wide(argument.type):
        return None
    return ordered_words(argument)
