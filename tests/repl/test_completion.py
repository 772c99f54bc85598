from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

import sqlengine
from sqlengine.repl.completion import SqlCompleter


@pytest.fixture
def completer(tmp_path: Path) -> Iterator[SqlCompleter]:
    pq.write_table(pa.table({"trip_id": [1], "Total Fare": [2.0], "zone": ["a"]}), tmp_path / "trips.parquet")
    pq.write_table(pa.table({"zone_id": [1], "borough": ["a"]}), tmp_path / "zones.parquet")
    (tmp_path / "tricky.parquet").write_bytes(b"not Parquet")
    with sqlengine.connect(tmp_path) as connection:
        yield SqlCompleter(connection)


def offered(completer: SqlCompleter, text: str) -> list[str]:
    """Completions at the `|` in the text, or at its end."""
    before, _, after = text.partition("|")
    document = Document(before + after, len(before))
    return [completion.text for completion in completer.get_completions(document, CompleteEvent())]


def test_tables_after_from(completer: SqlCompleter) -> None:
    assert offered(completer, "SELECT * FROM tr") == ["tricky", "trips"]
    assert offered(completer, "SELECT * FROM trips JOIN z") == ["zones"]


def test_columns_of_the_tables_named_come_first(completer: SqlCompleter) -> None:
    assert offered(completer, "SELECT t| FROM trips")[:2] == ["trip_id", '"Total Fare"']
    assert "borough" not in offered(completer, "SELECT b| FROM trips")
    assert offered(completer, "SELECT b| FROM trips, x JOIN zones")[0] == "borough"


def test_columns_of_an_alias(completer: SqlCompleter) -> None:
    assert offered(completer, "SELECT z.| FROM trips t JOIN zones z") == ["zone_id", "borough"]
    assert offered(completer, "SELECT t.tr| FROM trips AS t JOIN zones z") == ["trip_id"]


def test_a_table_that_cannot_be_read_has_no_columns(completer: SqlCompleter) -> None:
    assert offered(completer, "SELECT tricky.| FROM tricky") == []


def test_functions_and_keywords_in_the_case_typed(completer: SqlCompleter) -> None:
    assert "count" in offered(completer, "SELECT cou")
    assert "where" in offered(completer, "SELECT 1 whe")
    assert "WHERE" in offered(completer, "SELECT 1 WHE")
    assert offered(completer, "SELECT 1 ") == []


def test_paths_inside_quotes(completer: SqlCompleter, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    assert offered(completer, f"SELECT * FROM '{tmp_path}/mo") == ["more/"]
    assert offered(completer, f"SELECT * FROM '{tmp_path}/tri") == ["tricky.parquet", "trips.parquet"]
    assert offered(completer, f"SELECT * FROM '{tmp_path}/nowhere/x") == []


def test_columns_of_a_file_named_by_path(completer: SqlCompleter, tmp_path: Path) -> None:
    assert offered(completer, f"SELECT bo| FROM '{tmp_path}/zones.parquet'")[0] == "borough"


def test_commands_and_their_arguments(completer: SqlCompleter) -> None:
    assert offered(completer, ".tab") == ["tables"]
    assert offered(completer, ".schema zo") == ["zones"]
    assert offered(completer, ".mode ma") == ["markdown"]


def test_new_files_are_seen_after_refresh(completer: SqlCompleter, tmp_path: Path) -> None:
    assert offered(completer, "FROM new") == []
    pq.write_table(pa.table({"a": [1]}), tmp_path / "newest.parquet")
    completer.refresh()
    assert offered(completer, "FROM new") == ["newest"]
