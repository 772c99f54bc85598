"""Record ends against a byte-by-byte automaton."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlengine.storage import csv_records
from sqlengine.storage.csv_records import cut_records, ends_within_quotes, first_record_end, last_record_end


def reference_record_ends(text: bytes, delimiter: bytes, quote: bytes) -> list[int]:
    """Offsets behind the newlines outside quotes; a quote opens only at the start of a field."""
    ends = []
    inside = False
    at_start = True
    after_close = False
    for offset in range(len(text)):
        byte = text[offset : offset + 1]
        if inside:
            if byte == quote:
                inside, after_close = False, True
            continue
        if byte == quote and (at_start or after_close):
            inside = True
        elif byte == b"\n":
            ends.append(offset + 1)
        at_start = byte in (delimiter, b"\n", b"\r")
        after_close = False
    return ends


@settings(max_examples=300, deadline=None)
@given(
    st.text(alphabet='a,"\n', max_size=80).map(str.encode), st.integers(1, 40), st.integers(1, 16), st.integers(0, 80)
)
def test_cuts_are_record_ends_whatever_the_chunks(text: bytes, target: int, chunk: int, near: int) -> None:
    data = np.frombuffer(text, np.uint8)
    ends = reference_record_ends(text, b",", b'"')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_records, "_CHUNK", chunk)
        patch.setattr(csv_records, "_NEAR", near)
        cuts = cut_records(data, 0, target, ",", '"')
        first = first_record_end(data, 0, ",", '"')
        last = last_record_end(data, 0, len(data), ",", '"')
        is_open = ends_within_quotes(data, ",", '"')
    # Within quotes a line end ends nothing.
    assert is_open == (len(text) + 1 not in reference_record_ends(text + b"\n", b",", b'"'))
    assert first == (ends[0] if ends else len(text))
    assert last == (ends[-1] if ends else 0)
    assert cuts == sorted(set(cuts))
    assert set(cuts[1:-1]) <= set(ends)
    assert [cuts[0], cuts[-1]] == [0, len(text)]
    # Each piece is the shortest of whole records that reaches the target, the last one and slivers aside.
    for start, stop in itertools.pairwise(cuts[:-1]):
        assert stop == next(end for end in ends if end > start + target)


def test_inches_are_no_quotes() -> None:
    text = b'size,n\n5" pipe,1\n"7"" pipe\nlong",2\n6",3\n' * 50
    ends = reference_record_ends(text, b",", b'"')
    cuts = cut_records(np.frombuffer(text, np.uint8), 0, 20, ",", '"')
    assert set(cuts[1:]) <= set(ends)
    assert len(cuts) > 20
