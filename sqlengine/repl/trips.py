"""A year of invented taxi trips in monthly CSV files, and the zones of the city as Parquet; the same for everyone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED: Final = 20240229
ROWS: Final = 1_000_000
YEAR: Final = 2024

# Written last: its presence means that the files it lists are complete. Files that begin with `_` are no tables.
_RECEIPT: Final = "_demo.json"

_BOROUGHS: Final = ("Harbour", "Old Town", "Northside", "Eastfield", "Westhill", "Airport")
_PLACES: Final = ("Market", "Station", "Park", "Bridge", "Mill", "Square", "Gardens", "Docks", "Museum", "Stadium")

# Relative demand by hour of a working day and of a weekend day, from midnight on.
_WORKDAY: Final = (3, 2, 1, 1, 1, 3, 8, 14, 17, 13, 11, 12, 13, 13, 13, 14, 16, 20, 22, 20, 17, 14, 11, 7)
_WEEKEND: Final = (15, 14, 11, 8, 5, 3, 3, 4, 6, 9, 12, 14, 15, 15, 15, 15, 16, 17, 18, 19, 18, 17, 18, 17)
# Relative demand by month; June and December are busy, August is not.
_SEASON: Final = (90, 92, 98, 101, 106, 112, 97, 88, 103, 107, 104, 115)
_PAYMENTS: Final = ("card", "cash", "app", "voucher")
_PAYMENT_SHARES: Final = (0.61, 0.17, 0.20, 0.02)


def write_trips(folder: Path, rows: int = ROWS, seed: int = SEED) -> bool:
    """Write `trips/2024-01.csv` … `trips/2024-12.csv` and `zones.parquet` into `folder`, unless they are there.

    Parameters
    ----------
    folder
        Made if needed.
    rows
        Trips in the whole year.
    seed
        The same seed and rows give the same bytes.

    Returns
    -------
    bool
        Whether anything had to be written.

    Raises
    ------
    OSError
        The folder or a file cannot be written.
    """
    if _is_complete(folder, rows, seed):
        return False
    (folder / "trips").mkdir(parents=True, exist_ok=True)
    (folder / _RECEIPT).unlink(missing_ok=True)
    sizes = {}
    weights = _month_weights()
    for month, count in enumerate(_shares(rows, weights), start=1):
        name = f"trips/{YEAR}-{month:02}.csv"
        # A generator a month: a month's bytes do not depend on the months before.
        sizes[name] = _write_csv(folder / name, _month_of_trips(month, count, np.random.default_rng([seed, month])))
    sizes["zones.parquet"] = _write_zones(folder / "zones.parquet")
    receipt = {"rows": rows, "seed": seed, "files": sizes}
    _publish(folder / _RECEIPT, json.dumps(receipt, indent=1).encode())
    return True


def _is_complete(folder: Path, rows: int, seed: int) -> bool:
    try:
        receipt = json.loads((folder / _RECEIPT).read_text())
        sizes = {name: (folder / name).stat().st_size for name in receipt["files"]}
    except (OSError, ValueError, KeyError):
        return False
    return bool(receipt == {"rows": rows, "seed": seed, "files": sizes})


def _month_weights() -> NDArray[np.float64]:
    firsts = np.arange(f"{YEAR}-01", f"{YEAR + 1}-01", dtype="datetime64[M]").astype("datetime64[D]")
    days = np.diff(np.append(firsts, np.datetime64(f"{YEAR + 1}-01-01"))).astype(np.float64)
    weights: NDArray[np.float64] = days * np.array(_SEASON)
    return weights


def _shares(total: int, weights: NDArray[np.float64]) -> list[int]:
    ends = np.rint(np.cumsum(weights) / weights.sum() * total).astype(np.int64)
    return [int(count) for count in np.diff(ends, prepend=0)]


def _month_of_trips(month: int, count: int, random: np.random.Generator) -> pa.Table:
    first = np.datetime64(f"{YEAR}-{month:02}", "M")
    hours = np.arange(first.astype("datetime64[h]"), (first + 1).astype("datetime64[h]"))
    # 1970-01-01 was a Thursday: shifted by three days, the week begins on Monday.
    weekday = (hours.astype("datetime64[D]").astype(np.int64) + 3) % 7
    hour_of_day = hours.astype(np.int64) % 24
    demand = np.where(weekday < 5, np.array(_WORKDAY)[hour_of_day], np.array(_WEEKEND)[hour_of_day]).astype(np.float64)
    cell = np.sort(_choose(random, demand, count))
    pickup = hours[cell].astype("datetime64[s]") + random.integers(0, 3600, count)
    pickup.sort()

    zones = len(_zone_names())
    popularity = 1.0 / np.arange(1, zones + 1) ** 0.6
    from_zone = _choose(random, popularity, count)
    to_zone = _choose(random, popularity, count)
    to_airport = (from_zone >= zones - len(_PLACES)) | (to_zone >= zones - len(_PLACES))
    distance = random.lognormal(0.95, 0.65, count) + np.where(to_airport, 7.0, 0.4)
    rush = np.where(weekday[cell] < 5, np.array(_WORKDAY)[hour_of_day[cell]], 8) / 22
    traffic = _SEASON[month - 1] / 100
    speed = random.normal(30.0 - 11.0 * rush * traffic**2, 3.0, count).clip(8.0) + np.where(to_airport, 9.0, 0.0)
    seconds = (distance / speed * 3600 + random.exponential(90.0, count)).astype(np.int64)

    cents = np.rint((3.0 + 1.7 * distance + 0.35 * seconds / 60) * 100)
    payment = _choose(random, np.array(_PAYMENT_SHARES), count)
    generosity = np.where(payment == 1, 0.0, random.beta(3.0, 14.0, count) + 0.04 * to_airport) * (
        random.random(count) < 0.8
    )
    passengers = 1 + _choose(random, np.array([70.0, 16.0, 6.0, 4.0, 2.5, 1.5]), count)
    return pa.table(
        {
            "pickup_at": pa.array(pickup, pa.timestamp("s")),
            "dropoff_at": pa.array(pickup + seconds, pa.timestamp("s")),
            "pickup_zone": from_zone + 1,
            "dropoff_zone": pa.array(to_zone + 1, mask=random.random(count) < 0.004),
            "passenger_count": pa.array(passengers, mask=random.random(count) < 0.025),
            "distance_km": np.rint(distance * 100) / 100,
            "fare": cents / 100,
            # Nobody knows what was given in cash.
            "tip": pa.array(np.rint(cents * generosity) / 100, mask=payment == 1),
            "payment_type": pa.array(_PAYMENTS).take(pa.array(payment)),
        }
    )


def _choose(random: np.random.Generator, weights: NDArray[np.floating], count: int) -> NDArray[np.int64]:
    """`count` positions of `weights`, each as likely as its weight."""
    ends = np.cumsum(weights)
    chosen = np.searchsorted(ends, random.random(count) * ends[-1], side="right")
    positions: NDArray[np.int64] = np.minimum(chosen, len(weights) - 1).astype(np.int64)
    return positions


def _zone_names() -> list[tuple[str, str]]:
    return [(borough, f"{borough} {place}") for borough in _BOROUGHS for place in _PLACES]


def _write_csv(path: Path, table: pa.Table) -> int:
    from pyarrow import csv

    sink = pa.BufferOutputStream()
    csv.write_csv(table, sink, csv.WriteOptions(quoting_style="none"))
    return _publish(path, sink.getvalue())


def _write_zones(path: Path) -> int:
    import pyarrow.parquet as pq

    boroughs, names = zip(*_zone_names(), strict=True)
    table = pa.table(
        {"zone_id": pa.array(range(1, len(names) + 1), pa.int64()), "borough": list(boroughs), "zone": list(names)}
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return _publish(path, sink.getvalue())


def _publish(path: Path, data: bytes | pa.Buffer) -> int:
    """Write the file whole or not at all; its size in bytes."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)
    return len(data) if isinstance(data, bytes) else int(data.size)
