"""Dask as its tutorials do it: bags of JSON, dataframes of CSV and Parquet, arrays of HDF5; a process a core."""

from __future__ import annotations

import json
import operator
import re
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import dask.bag as db
import dask.dataframe as dd
import h5py
import numpy as np
import pandas as pd
from dask.distributed import Client, LocalCluster

from bench.inputs.engines.functions import FunctionsEngine
from bench.inputs.engines.pandas_frames import (
    FIVE_MINUTES,
    LONG_TRIP,
    most_of_each_month,
    most_of_each_year,
    sessions_of,
    transactions,
)


def _accounts(folder: Path) -> Any:
    return db.read_text(str(folder / "accounts" / "*.json.gz"), encoding="utf-8").map(json.loads)


def accounts_per_name(folder: Path) -> dict[str, Any]:
    """Accounts of each name."""
    names, counts = zip(*sorted(_accounts(folder).pluck("name").frequencies().compute()), strict=True)
    return {"name": names, "accounts": counts}


def total_per_name(folder: Path) -> dict[str, Any]:
    """Sum of the amounts of each name."""
    pairs = _accounts(folder).map(_amounts).flatten()
    totals = pairs.foldby(operator.itemgetter(0), _add_pair, 0, operator.add, 0).compute()
    names, sums = zip(*sorted(totals), strict=True)
    return {"name": names, "total": sums}


def _amounts(account: dict[str, Any]) -> list[tuple[str, int]]:
    return [(account["name"], each["amount"]) for each in account["transactions"]]


def _add_pair(total: int, pair: tuple[str, int]) -> int:
    return total + pair[1]


def first_alices(folder: Path) -> pd.DataFrame:
    """Transactions of the first five accounts called Alice."""
    alices = _accounts(folder).filter(_is_alice).topk(5, key=_before).compute()
    return transactions(pd.DataFrame(alices))


def _is_alice(account: dict[str, Any]) -> bool:
    return account["name"] == "Alice"


def _before(account: dict[str, Any]) -> int:
    return -account["id"]


def _values(folder: Path) -> tuple[Any, h5py.File]:
    file = h5py.File(folder / "arrays" / "random.h5")
    return da.from_array(file["x"], chunks=5_000_000), file


def array_mean(folder: Path) -> dict[str, Any]:
    """Mean in double precision."""
    values, file = _values(folder)
    with file:
        return {"mean": [float(values.mean(dtype=np.float64).compute())]}


def array_extremes(folder: Path) -> dict[str, Any]:
    """Least and most."""
    values, file = _values(folder)
    with file:
        least, most = dask.compute(values.min(), values.max())
    return {"least": [least], "most": [most]}


def array_slice(folder: Path) -> dict[str, Any]:
    """Five hundred values by position."""
    values, file = _values(folder)
    with file:
        return {"file_row_number": np.arange(500, 1000), "x": values[500:1000].compute()}


def array_histogram(folder: Path) -> dict[str, Any]:
    """How many values in each quarter of a unit."""
    values, file = _values(folder)
    with file:
        sizes, edges = (part.compute() if hasattr(part, "compute") else part for part in _histogram(values))
    found = np.flatnonzero(sizes)
    return {"bin": np.rint(edges[found] * 4).astype(np.int32), "size": sizes[found]}


def _histogram(values: Any) -> tuple[Any, Any]:
    return da.histogram(values, bins=160, range=(-20, 20))


def matrix_columns(folder: Path) -> dict[str, Any]:
    """Mean of every hundredth column."""
    with h5py.File(folder / "arrays" / "matrix.h5") as file:
        matrix = da.from_array(file["m"], chunks=file["m"].chunks)
        means = matrix[:, ::100].mean(axis=0).compute()
    return {f"avg(c{100 * k})": [value] for k, value in enumerate(means)}


def favourite_group(folder: Path) -> pd.DataFrame:
    """The food group with most entries, year by year."""
    foods = pd.read_csv(folder / "survey" / "foods.csv")
    files = str(folder / "survey/diary/*/diary.csv")
    diary = dd.read_csv(files, usecols=["food_code"], include_path_column="path")
    named = diary.merge(foods, on="food_code")
    entries = named.groupby(["path", "group_code", "description"], observed=True).size().compute()
    counted = entries.rename("entries").reset_index()
    years = [int(re.search(r"year=(\d+)", path)[1]) for path in counted["path"]]  # type: ignore[index]
    counted["path"] = years
    return most_of_each_year(counted.rename(columns={"path": "year"}))


def one_year(folder: Path) -> pd.DataFrame:
    """What each person of a household ate in 1990."""
    wanted = ["person", "grams", "pence"]
    file = str(folder / "survey/diary/year=1990/diary.csv")
    diary = dd.read_csv(file, usecols=wanted, na_values=[".."], dtype={"grams": "f8", "pence": "f8"})
    groups = diary.groupby("person").agg({"person": "size", "grams": "mean", "pence": "sum"})
    return groups.compute().sort_index().rename(columns={"person": "entries"}).reset_index()


def _trips(folder: Path, columns: list[str]) -> Any:
    times = [column for column in columns if column.endswith("_at")]
    return dd.read_csv(str(folder / "taxi" / "trips" / "*.csv"), usecols=columns, parse_dates=times)


def long_trips(folder: Path) -> pd.DataFrame:
    """Trips of more than 20 minutes, and their share."""
    trips = _trips(folder, ["pickup_at", "dropoff_at"])
    long = trips["dropoff_at"] - trips["pickup_at"] > LONG_TRIP
    number, share = dask.compute(long.sum(), long.mean())
    return pd.DataFrame({"long_trips": [number], "share": [share]})


def distance_by_duration(folder: Path) -> pd.DataFrame:
    """Distances of trips of about the same duration."""
    trips = _trips(folder, ["pickup_at", "dropoff_at", "distance_km"])
    seconds = (trips["dropoff_at"] - trips["pickup_at"]).dt.total_seconds()
    trips = trips.assign(five_minutes=(seconds // FIVE_MINUTES).astype("int64"))
    found = trips.groupby("five_minutes")["distance_km"].agg(["size", "mean", "max"]).compute()
    return found.sort_index().reset_index()


def distance_correlation(folder: Path) -> pd.DataFrame:
    """Correlation of distance and duration."""
    trips = _trips(folder, ["pickup_at", "dropoff_at", "distance_km"])
    seconds = (trips["dropoff_at"] - trips["pickup_at"]).dt.total_seconds()
    return pd.DataFrame({"correlation": [trips["distance_km"].corr(seconds).compute()]})


def _plays(folder: Path, columns: list[str]) -> Any:
    return dd.read_parquet(folder / "listening", columns=columns)


def plays_per_user(folder: Path) -> pd.DataFrame:
    """Plays of each user, most first."""
    plays = _plays(folder, ["user_id"]).groupby("user_id").size().compute().rename("plays").reset_index()
    return plays.sort_values(["plays", "user_id"], ascending=[False, True])


def sessions(folder: Path) -> pd.DataFrame:
    """Sessions of each user."""
    plays = _plays(folder, ["user_id", "time_stamp"]).shuffle("user_id")
    meta = pd.DataFrame({"user_id": pd.Series(dtype="i8"), "sessions": pd.Series(dtype="i8")})
    return plays.map_partitions(sessions_of, meta=meta).compute().sort_values("user_id")


def top_artists(folder: Path) -> pd.DataFrame:
    """The three artists with most plays of each month."""
    plays = _plays(folder, ["datetime", "artist"])
    plays = plays.assign(month=plays["datetime"].dt.to_period("M").dt.to_timestamp())
    counts = plays.groupby(["month", "artist"]).size().compute()
    return most_of_each_month(counts.rename("plays").reset_index())


ANSWERS = {
    each.__name__: each
    for each in (
        *(accounts_per_name, total_per_name, first_alices),
        *(array_mean, array_extremes, array_slice, array_histogram, matrix_columns, favourite_group, one_year),
        *(long_trips, distance_by_duration, distance_correlation, plays_per_user, sessions, top_artists),
    )
}


def open_engine(folder: Path, cores: int) -> FunctionsEngine:
    """See `bench.engines.open_engine`."""
    cluster = LocalCluster(n_workers=cores, threads_per_worker=1, dashboard_address=None)
    client = Client(cluster)
    return FunctionsEngine(folder, ANSWERS, lambda: (client.close(), cluster.close()))
