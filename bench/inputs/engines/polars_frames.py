"""Polars: lazy scans, each question by hand, on the streaming engine; it does not read HDF5."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from bench.inputs.engines.functions import FunctionsEngine

_DURATION = pl.col("dropoff_at") - pl.col("pickup_at")


def _accounts(folder: Path) -> pl.LazyFrame:
    return pl.scan_ndjson(folder / "accounts" / "*.json.gz")


def _transactions(accounts: pl.LazyFrame) -> pl.LazyFrame:
    return accounts.explode("transactions", empty_as_null=False, keep_nulls=False).unnest("transactions")


def accounts_per_name(folder: Path) -> pl.LazyFrame:
    """Accounts of each name."""
    return _accounts(folder).group_by("name").agg(accounts=pl.len()).sort("name")


def total_per_name(folder: Path) -> pl.LazyFrame:
    """Sum of the amounts of each name."""
    paid = _transactions(_accounts(folder).select("name", "transactions"))
    return paid.group_by("name").agg(total=pl.col("amount").sum()).sort("name")


def first_alices(folder: Path) -> pl.LazyFrame:
    """Transactions of the first five accounts called Alice."""
    alices = _accounts(folder).filter(pl.col("name") == "Alice").sort("id").head(5).select("id", "transactions")
    return _transactions(alices).sort("id", "transaction-id", "amount")


def favourite_group(folder: Path) -> pl.LazyFrame:
    """The food group with most entries, year by year."""
    diary = pl.scan_csv(folder / "survey/diary/*/*.csv", include_file_paths="path", null_values="..")
    year = pl.col("path").str.extract(r"year=(\d+)").cast(pl.Int64)
    named = diary.with_columns(year=year).join(pl.scan_csv(folder / "survey/foods.csv"), on="food_code")
    entries = named.group_by("year", "group_code", "description").agg(entries=pl.len())
    ordered = entries.sort("year", "entries", "group_code", descending=[False, True, False])
    return ordered.unique("year", keep="first", maintain_order=True)


def one_year(folder: Path) -> pl.LazyFrame:
    """What each person of a household ate in 1990."""
    found = pl.scan_csv(folder / "survey/diary/year=1990/*.csv", null_values=["", ".."]).group_by("person")
    return found.agg(entries=pl.len(), mean_grams=pl.col("grams").mean(), pence=pl.col("pence").sum()).sort("person")


def _trips(folder: Path) -> pl.LazyFrame:
    return pl.scan_csv(folder / "taxi/trips/*.csv", try_parse_dates=True)


def long_trips(folder: Path) -> pl.LazyFrame:
    """Trips of more than 20 minutes, and their share."""
    long = _trips(folder).select(long=_DURATION.dt.total_seconds() > 1200)
    return long.select(long_trips=pl.col("long").sum(), share=pl.col("long").mean())


def distance_by_duration(folder: Path) -> pl.LazyFrame:
    """Distances of trips of about the same duration."""
    trips = _trips(folder).group_by(five_minutes=_DURATION.dt.total_seconds() // 300)
    km = pl.col("distance_km")
    return trips.agg(trips=pl.len(), mean_km=km.mean(), most_km=km.max()).sort("five_minutes")


def distance_correlation(folder: Path) -> pl.LazyFrame:
    """Correlation of distance and duration."""
    return _trips(folder).select(correlation=pl.corr("distance_km", _DURATION.dt.total_seconds()))


def _plays(folder: Path) -> pl.LazyFrame:
    return pl.scan_parquet(folder / "listening" / "*.parquet")


def plays_per_user(folder: Path) -> pl.LazyFrame:
    """Plays of each user, most first."""
    counts = _plays(folder).group_by("user_id").agg(plays=pl.len())
    return counts.sort("plays", "user_id", descending=[True, False])


def sessions(folder: Path) -> pl.LazyFrame:
    """Sessions of each user."""
    ordered = _plays(folder).select("user_id", "time_stamp").sort("user_id", "time_stamp")
    gap = pl.col("time_stamp").diff()
    begins = ordered.filter((pl.col("user_id") != pl.col("user_id").shift()).fill_null(True) | (gap > 1800))
    return begins.group_by("user_id").agg(sessions=pl.len()).sort("user_id")


def top_artists(folder: Path) -> pl.LazyFrame:
    """The three artists with most plays of each month."""
    plays = _plays(folder).group_by(pl.col("datetime").dt.truncate("1mo").alias("month"), "artist").agg(plays=pl.len())
    ordered = plays.sort("month", "plays", "artist", descending=[False, True, False])
    return ordered.group_by("month", maintain_order=True).head(3)


_QUESTIONS = (
    *(accounts_per_name, total_per_name, first_alices, favourite_group, one_year),
    *(long_trips, distance_by_duration, distance_correlation, plays_per_user, sessions, top_artists),
)
ANSWERS = {
    each.__name__: lambda folder, plan=each: plan(folder).collect(engine="streaming").to_arrow() for each in _QUESTIONS
}


def open_engine(folder: Path, cores: int) -> FunctionsEngine:
    """See `bench.engines.open_engine`. The number of threads is set by the environment, before the import."""
    assert pl.thread_pool_size() == cores
    return FunctionsEngine(folder, ANSWERS)
