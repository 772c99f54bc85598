"""The folders of the inputs: made when missing, whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from bench.inputs.accounts import write_accounts
from bench.inputs.arrays import write_arrays
from bench.inputs.listening import write_listening
from bench.inputs.survey import write_survey
from sqlengine.repl.trips import write_trips

FOLDER = Path(__file__).resolve().parents[1] / "data"
TRIPS = 4_000_000


def write_taxi(folder: Path, scale: float) -> None:
    """Write the demo's year of trips, `trips/2024-01.csv` … `2024-12.csv`: at scale 1, 4 million."""
    write_trips(folder, max(500, round(TRIPS * scale)))


INPUTS: dict[str, Callable[[Path, float], None]] = {
    "accounts": write_accounts,
    "arrays": write_arrays,
    "survey": write_survey,
    "taxi": write_taxi,
    "listening": write_listening,
}


def ensure_inputs(scale: float, folder: Path | None = None, names: tuple[str, ...] = tuple(INPUTS)) -> Path:
    """The folder with a sub-folder for each of `names`; those that are missing are made.

    Parameters
    ----------
    scale
        1 is what `INPUTS` say, about 5 GB, 3.6 GB of it the arrays. The same scale gives the same bytes.
    folder
        Default: `bench/data/inputs-<scale>`.
    """
    target = FOLDER / f"inputs-{scale:g}" if folder is None else folder
    for name in names:
        if (target / name).exists():
            continue
        # Made beside and renamed, so that an interrupted run is not taken for a complete one.
        part = target / f".{name}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        INPUTS[name](part, scale)
        os.rename(part, target / name)
    return target
