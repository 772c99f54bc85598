from __future__ import annotations

import pytest

from sqlengine.repl.statements import is_complete, open_quote


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("SELECT 1;", True),
        ("SELECT 1;  -- done", True),
        ("SELECT 1; /* done */ \n", True),
        ("SELECT 1", False),
        ("SELECT 1; SELECT 2", False),
        ("SELECT ';", False),
        ("SELECT 'it''s;", False),
        ("SELECT 'it''s';", True),
        ('SELECT 1 AS "a;', False),
        ("SELECT 1 -- ;", False),
        ("SELECT 1 /* ;", False),
        ("SELECT $$a;", False),
        ("SELECT $t$ $$; $t$;", True),
        ("", False),
    ],
)
def test_is_complete(text: str, complete: bool) -> None:
    assert is_complete(text) is complete


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("SELECT * FROM 'data/tr", "data/tr"),
        ("SELECT * FROM '", ""),
        ("SELECT * FROM 'a'", None),
        ("SELECT 'it''s", "it''s"),
        ("SELECT 1", None),
        ("", None),
    ],
)
def test_open_quote(text: str, path: str | None) -> None:
    assert open_quote(text) == path
