"""Texts whose fields have all their digits are read another way, to the same moments."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlengine.functions import date_parsing
from sqlengine.functions.date_parsing import read_moments

DIGITS = st.text("0123", min_size=2, max_size=2)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | st.tuples(DIGITS, DIGITS, DIGITS, DIGITS), min_size=1, max_size=20), st.integers(0, 3))
@pytest.mark.parametrize("format_", ["%d/%m/%Y", "%Y%m%d", "%H:%M %m-%Y", "%d é %S"])
def test_texts_of_fixed_width(format_: str, rows: list[tuple[str, ...] | None], first: int) -> None:
    def written(row: tuple[str, ...]) -> str:
        texts = {"%Y": row[0] + row[1], "%m": row[2], "%d": row[3], "%H": row[0], "%M": row[1], "%S": row[2]}
        text = format_
        for name, digits in texts.items():
            text = text.replace(name, digits)
        return text

    array = pa.array([None if row is None else written(row) for row in rows], pa.string())[first:]
    words, fits = read_moments(array, format_)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(date_parsing, "_read_fixed", lambda *_: None)
        expected, expected_fits = read_moments(array, format_)
    assert fits.tolist() == expected_fits.tolist()
    assert words[fits].tolist() == expected[fits].tolist()
