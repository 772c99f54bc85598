from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., str]:
    def write(content: str | bytes, name: str = "t.csv") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write


@pytest.fixture
def write_parquet(tmp_path: Path) -> Callable[..., str]:
    import pyarrow.parquet as pq

    def write(data: dict[str, object] | pa.Table, name: str = "t.parquet", **options: object) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(data if isinstance(data, pa.Table) else pa.table(data), path, **options)
        return str(path)

    return write
