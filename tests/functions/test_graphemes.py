"""Grapheme clusters of random texts made of awkward characters, as DuckDB cuts them."""

from __future__ import annotations

import random

from sqlengine.functions.graphemes import clusters
from tests.functions.calls import Oracle, sql_literal

# Accents, joiners, pictures, flags, Hangul, Indic marks, prepended and control characters.
POOL = (
    0x61, 0xE4, 0x300, 0x200D, 0x1F468, 0x1F3FB, 0x1F1E6, 0x1F1E7, 0x1100, 0x1161, 0x11A8, 0xAC00, 0xAC01,
    0x903, 0x600, 0xAD, 0x2764, 0xFE0F, 0x0A, 0x94D, 0x915, 0xE33,
)  # fmt: skip


def test_clusters(oracle: Oracle) -> None:
    rng = random.Random(5)
    texts = ["".join(chr(rng.choice(POOL)) for _ in range(rng.randint(1, 6))) for _ in range(1500)]
    # Two joiners in a row, and spacing marks before a joiner, are no rule's business in real text.
    texts = [text for text in texts if "\u200d\u200d" not in text and "\u0e33\u200d" not in text]
    rows = oracle.rows(
        "SELECT t, length_grapheme(t), left_grapheme(t, 1), reverse(t) FROM (VALUES "
        + ", ".join(f"({sql_literal(text)})" for text in texts)
        + ") AS v(t)"
    )
    wrong = []
    for text, length, first, backwards in rows:
        parts = clusters(text)
        if (len(parts), parts[0], "".join(reversed(parts))) != (length, first, backwards):
            wrong.append(text)
    assert not wrong
