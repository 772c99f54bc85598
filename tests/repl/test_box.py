"""The box: golden pictures, elision that is counted, widths that hold."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sqlengine.repl.box import cell_width, draw, draw_lines

CITIES = pa.table({"id": [1, 20, None], "city": ["Berlin", "東京", None], "note": ["a\nb", "\x1b[31mred", "x" * 40]})
TYPES = ["BIGINT", "VARCHAR", "VARCHAR"]


def test_box() -> None:
    box = draw(CITIES, TYPES, max_rows=None, width=49)
    assert (
        box.text
        == """\
┌────────┬─────────┬────────────────────────────┐
│   id   │  city   │            note            │
│ BIGINT │ VARCHAR │          VARCHAR           │
├────────┼─────────┼────────────────────────────┤
│      1 │ Berlin  │ a\\nb                       │
│     20 │ 東京    │ \\x1b[31mred                │
│   NULL │ NULL    │ xxxxxxxxxxxxxxxxxxxxxxxxx… │
└────────┴─────────┴────────────────────────────┘"""
    )
    assert (box.shown_rows, box.shown_columns) == (3, 3)


def test_the_middle_rows_are_elided_and_counted() -> None:
    box = draw(pa.table({"n": range(1000)}), ["BIGINT"], max_rows=3, width=80)
    assert (
        box.text
        == """\
┌────────┐
│   n    │
│ BIGINT │
├────────┤
│      0 │
│      1 │
│      · │
│    999 │
└────────┘"""
    )
    assert box.shown_rows == 3


def test_the_middle_columns_are_elided_and_counted() -> None:
    table = pa.table({f"column_{k}": ["value"] for k in range(9)})
    box = draw(table, ["VARCHAR"] * 9, max_rows=None, width=49)
    assert (
        box.text
        == """\
┌──────────┬──────────┬───┬──────────┬──────────┐
│ column_0 │ column_1 │ … │ column_7 │ column_8 │
│ VARCHAR  │ VARCHAR  │   │ VARCHAR  │ VARCHAR  │
├──────────┼──────────┼───┼──────────┼──────────┤
│ value    │ value    │ … │ value    │ value    │
└──────────┴──────────┴───┴──────────┴──────────┘"""
    )
    assert box.shown_columns == 4


def test_no_rows_have_no_body() -> None:
    assert draw(CITIES.slice(0, 0).select(["id"]), ["BIGINT"], max_rows=40, width=80).text == (
        "┌────────┐\n│   id   │\n│ BIGINT │\n└────────┘"
    )


def test_colors_do_not_change_the_text() -> None:
    plain = draw(CITIES, TYPES, max_rows=None, width=80).text
    colored = draw(CITIES, TYPES, max_rows=None, width=80, color=True).text
    assert "\x1b[2mNULL   \x1b[22m" in colored
    for code in ("\x1b[1m", "\x1b[2m", "\x1b[22m"):
        colored = colored.replace(code, "")
    assert colored == plain


def test_lines() -> None:
    table = pa.table({"id": [1, 2], "city": ["Berlin", None]})
    assert draw_lines(table, "NULL") == "  id = 1\ncity = Berlin\n\n  id = 2\ncity = NULL"


@given(
    st.lists(st.lists(st.text(max_size=30), min_size=2, max_size=2), min_size=1, max_size=8),
    st.integers(min_value=30, max_value=120),
)
def test_no_line_is_wider_than_the_terminal(columns: list[list[str]], width: int) -> None:
    table = pa.Table.from_arrays([pa.array(column) for column in columns], [f"c{k}" for k in range(len(columns))])
    text = draw(table, ["VARCHAR"] * len(columns), max_rows=None, width=width).text
    widths = {cell_width(line) for line in text.split("\n")}
    assert len(widths) == 1
    assert widths.pop() <= width
