"""A listening log: who heard which song when, a Parquet file a week, a few users hearing much of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PLAYS = 10_000_000
WEEKS = 104
SEED = 4

_START = np.datetime64("2023-01-02T00:00:00", "s").astype(np.int64)
_WEEK = 7 * 86_400


def write_listening(folder: Path, scale: float) -> None:
    """Write `plays.000.parquet` … `plays.103.parquet`, in order of time; at scale 1, 10^7 rows in all.

    A play of a user is often followed by others within minutes: sessions. Users, artists and songs follow power laws.
    """
    plays = max(WEEKS * 20, round(PLAYS * scale))
    users = max(20, round(5000 * scale))
    artists = max(50, round(20_000 * scale))
    for week in range(WEEKS):
        random = np.random.default_rng([SEED, week])
        rows = plays // WEEKS + (week < plays % WEEKS)
        # Sessions of about eight songs.
        sessions = rows // 8 + 1
        session = np.sort(random.integers(0, sessions, rows))
        user = _power_law(random, users, 1.1, sessions)[session]
        begin = random.integers(0, _WEEK - 7200, sessions)[session]
        first = np.searchsorted(session, session)
        seconds = _START + week * _WEEK + begin + 237 * (np.arange(rows) - first) + random.integers(0, 200, rows)
        artist = _power_law(random, artists, 0.9, rows)
        album = artist * 10 + random.integers(0, 10, rows)
        song = album * 12 + random.integers(0, 12, rows)
        order = np.argsort(seconds, kind="stable")
        columns = {
            "user_id": pa.array(user[order] + 1),
            "artist": _names("Artist", artist[order]),
            "album": _names("Album", album[order]),
            "song": _names("Song", song[order]),
            "time_stamp": pa.array(seconds[order]),
            "datetime": pa.array(seconds[order].astype("datetime64[s]")).cast(pa.timestamp("us")),
        }
        pq.write_table(pa.table(columns), folder / f"plays.{week:03}.parquet", compression="zstd")


def _power_law(random: np.random.Generator, kinds: int, exponent: float, count: int) -> np.ndarray:
    ends = np.cumsum(1 / np.arange(1, kinds + 1) ** exponent)
    return np.searchsorted(ends, random.random(count) * ends[-1]).clip(max=kinds - 1)


def _names(kind: str, numbers: np.ndarray) -> pa.Array:
    distinct, codes = np.unique(numbers, return_inverse=True)
    names = pa.array([f"{kind} {number}" for number in distinct.tolist()])
    return names.take(pa.array(codes))
