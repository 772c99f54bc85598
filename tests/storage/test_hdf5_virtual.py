"""Virtual datasets have the values that h5py finds in them, however they are put together and read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from sqlengine.errors import FileFormatError, NotSupportedError
from sqlengine.storage.dataset import open_table
from tests.storage.support import scan

SIDE = 12


def _source(dataset: str, shape: tuple[int, ...] = (SIDE, SIDE)) -> Any:
    return h5py.VirtualSource("source.h5", dataset, shape)


def _stacked(layout: Any) -> None:
    layout[:SIDE], layout[SIDE:] = _source("m"), _source("packed")


def _blocks(layout: Any) -> None:
    layout[2:7, 3:9] = _source("m")[1:6, 0:6]
    layout[9:20, 0:2] = _source("packed")[0:11, 10:12]


def _interleaved(layout: Any) -> None:
    layout[::2], layout[1::2] = _source("m"), _source("packed")


def _strided(layout: Any) -> None:
    layout[:6, :4] = _source("m")[::2, 1::3]
    layout[6::5, ::2] = _source("packed")[3:7, 6:]


def _rows_of_lines(layout: Any) -> None:
    for row in range(0, 24, 3):
        layout[row] = _source("line", (SIDE,))
    layout[1, 2:7] = _source("line", (SIDE,))[4:9]


def _columns_of_lines(layout: Any) -> None:
    layout[:SIDE, 5] = _source("line", (SIDE,))


@pytest.fixture
def make(tmp_path: Path) -> Callable[[Callable[[Any], None]], str]:
    """Writes a virtual dataset of 24 x 12 doubles by a function that fills its layout; returns its path."""

    def write(build: Callable[[Any], None]) -> str:
        with h5py.File(tmp_path / "source.h5", "w") as file:
            file["m"] = np.arange(SIDE * SIDE, dtype="f8").reshape(SIDE, SIDE)
            file.create_dataset("packed", data=file["m"][:] + 1000, chunks=(5, 5), compression="gzip")
            file["line"] = np.arange(SIDE) / 2
            file["whole"] = np.arange(SIDE)
        with h5py.File(tmp_path / "v.h5", "w") as file:
            layout = h5py.VirtualLayout((2 * SIDE, SIDE), "f8")
            build(layout)
            file.create_virtual_dataset("v", layout, fillvalue=-1)
        return str(tmp_path / "v.h5")

    return write


@pytest.mark.parametrize("build", [_stacked, _blocks, _interleaved, _strided, _rows_of_lines, _columns_of_lines])
@pytest.mark.parametrize("split_bytes", [1, 700, 1 << 20])
def test_values_are_those_of_h5py(make: Callable[..., str], build: Callable[[Any], None], split_bytes: int) -> None:
    path = make(build)
    with h5py.File(path) as file:
        expected = [tuple(row) for row in file["v"][:].tolist()]
    assert -1 in {value for row in expected for value in row} or build in (_stacked, _interleaved)
    options = {"allow_external": True, "split_bytes": split_bytes}
    assert scan(open_table(path, options=options)) == expected
    assert scan(open_table(path, options=options), ["c3", "c8"], 5) == [(row[3], row[8]) for row in expected]


def test_parts_of_another_type_are_refused(make: Callable[..., str]) -> None:
    def build(layout: Any) -> None:
        layout[0] = _source("whole", (SIDE,))

    with pytest.raises(NotSupportedError, match=r"'/whole' of .*, a part of '/v' of .*, is not of .* the same type"):
        scan(open_table(make(build), options={"allow_external": True}))


def test_parts_that_changed_are_errors(make: Callable[..., str]) -> None:
    path = make(_stacked)
    with h5py.File(Path(path).with_name("source.h5"), "a") as file:
        del file["packed"], file["m"]
        file["m"] = np.zeros((3, SIDE))
    with pytest.raises(FileFormatError, match=r"'/m' of .*, a part of '/v' of .*, is of another shape"):
        scan(open_table(path, options={"allow_external": True}))
    with h5py.File(Path(path).with_name("source.h5"), "a") as file:
        del file["m"]
        file["m"] = np.zeros((SIDE, SIDE))
    with pytest.raises(FileFormatError, match=r"has no dataset 'packed', a part of '/v' of"):
        scan(open_table(path, options={"allow_external": True}))


def test_parts_without_an_end_are_refused(make: Callable[..., str], tmp_path: Path) -> None:
    make(_stacked)
    with h5py.File(tmp_path / "endless.h5", "w") as file:
        layout = h5py.VirtualLayout((SIDE, SIDE), "f8", maxshape=(None, SIDE))
        source = h5py.VirtualSource("source.h5", "m", (SIDE, SIDE), maxshape=(None, SIDE))
        layout[: h5py.h5s.UNLIMITED] = source[: h5py.h5s.UNLIMITED]
        file.create_virtual_dataset("v", layout)
    with pytest.raises(NotSupportedError, match="not made of evenly spaced steps"):
        open_table(str(tmp_path / "endless.h5"), options={"allow_external": True})
