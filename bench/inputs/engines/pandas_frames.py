"""pandas: each question by hand, reading only the columns it needs, a file at a time where that saves memory."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from bench.inputs.engines.functions import FunctionsEngine
from bench.inputs.survey import YEARS

FIVE_MINUTES = 300
LONG_TRIP = pd.Timedelta(minutes=20)


def _accounts(folder: Path) -> pd.DataFrame:
    files = sorted((folder / "accounts").glob("*.json.gz"))
    return pd.concat([pd.read_json(file, lines=True) for file in files], ignore_index=True)


def accounts_per_name(folder: Path) -> pd.DataFrame:
    """Accounts of each name."""
    return _accounts(folder).groupby("name").size().rename("accounts").reset_index()


def total_per_name(folder: Path) -> pd.DataFrame:
    """Sum of the amounts of each name."""
    paid = _accounts(folder)[["name", "transactions"]].explode("transactions").dropna()
    paid["total"] = [each["amount"] for each in paid["transactions"]]
    return paid.groupby("name")["total"].sum().reset_index()


def first_alices(folder: Path) -> pd.DataFrame:
    """Transactions of the first five accounts called Alice."""
    accounts = _accounts(folder)
    return transactions(accounts[accounts["name"] == "Alice"].nsmallest(5, "id"))


def transactions(accounts: pd.DataFrame) -> pd.DataFrame:
    """A row a transaction, sorted."""
    paid = accounts[["id", "transactions"]].explode("transactions").dropna().reset_index(drop=True)
    rows = paid[["id"]].join(pd.DataFrame(paid["transactions"].tolist(), columns=["transaction-id", "amount"]))
    return rows.sort_values(["id", "transaction-id", "amount"])


def favourite_group(folder: Path) -> pd.DataFrame:
    """The food group with most entries, year by year."""
    foods = pd.read_csv(folder / "survey" / "foods.csv")
    counts = []
    for year in YEARS:
        diary = pd.read_csv(folder / f"survey/diary/year={year}/diary.csv", usecols=["food_code"])
        named = diary.merge(foods, on="food_code")
        counts.append(named.groupby(["group_code", "description"]).size().rename("entries").reset_index())
        counts[-1].insert(0, "year", year)
    return most_of_each_year(pd.concat(counts))


def most_of_each_year(entries: pd.DataFrame) -> pd.DataFrame:
    """The first row of each year, most entries first."""
    return entries.sort_values(["year", "entries", "group_code"], ascending=[True, False, True]).drop_duplicates("year")


def one_year(folder: Path) -> pd.DataFrame:
    """What each person of a household ate in 1990."""
    wanted = ["person", "grams", "pence"]
    diary = pd.read_csv(folder / "survey/diary/year=1990/diary.csv", usecols=wanted, na_values=[".."])
    groups = diary.groupby("person")
    return groups.agg(entries=("person", "size"), mean_grams=("grams", "mean"), pence=("pence", "sum")).reset_index()


def _trips(folder: Path, columns: list[str]) -> pd.DataFrame:
    times = [column for column in columns if column.endswith("_at")]
    files = sorted((folder / "taxi" / "trips").glob("*.csv"))
    return pd.concat([pd.read_csv(file, usecols=columns, parse_dates=times) for file in files], ignore_index=True)


def long_trips(folder: Path) -> pd.DataFrame:
    """Trips of more than 20 minutes, and their share."""
    trips = _trips(folder, ["pickup_at", "dropoff_at"])
    long = trips["dropoff_at"] - trips["pickup_at"] > LONG_TRIP
    return pd.DataFrame({"long_trips": [long.sum()], "share": [long.mean()]})


def distance_by_duration(folder: Path) -> pd.DataFrame:
    """Distances of trips of about the same duration."""
    trips = _trips(folder, ["pickup_at", "dropoff_at", "distance_km"])
    trips["five_minutes"] = (trips["dropoff_at"] - trips["pickup_at"]) // pd.Timedelta(seconds=FIVE_MINUTES)
    distances = trips.groupby("five_minutes")["distance_km"]
    return distances.agg(["size", "mean", "max"]).reset_index()


def distance_correlation(folder: Path) -> pd.DataFrame:
    """Correlation of distance and duration."""
    trips = _trips(folder, ["pickup_at", "dropoff_at", "distance_km"])
    seconds = (trips["dropoff_at"] - trips["pickup_at"]).dt.total_seconds()
    return pd.DataFrame({"correlation": [trips["distance_km"].corr(seconds)]})


def _plays(folder: Path, columns: list[str]) -> pd.DataFrame:
    return pd.read_parquet(folder / "listening", columns=columns)


def plays_per_user(folder: Path) -> pd.DataFrame:
    """Plays of each user, most first."""
    plays = _plays(folder, ["user_id"]).groupby("user_id").size().rename("plays").reset_index()
    return plays.sort_values(["plays", "user_id"], ascending=[False, True])


def sessions(folder: Path) -> pd.DataFrame:
    """Sessions of each user."""
    return sessions_of(_plays(folder, ["user_id", "time_stamp"]))


def sessions_of(plays: pd.DataFrame) -> pd.DataFrame:
    """Sessions of each user: a pause of more than half an hour begins another."""
    plays = plays.sort_values(["user_id", "time_stamp"])
    gaps = plays.groupby("user_id")["time_stamp"].diff()
    begins = plays[gaps.isna() | (gaps > 1800)]
    return begins.groupby("user_id").size().rename("sessions").reset_index()


def top_artists(folder: Path) -> pd.DataFrame:
    """The three artists with most plays of each month."""
    plays = _plays(folder, ["datetime", "artist"])
    plays["month"] = plays["datetime"].dt.to_period("M").dt.to_timestamp()
    return most_of_each_month(plays.groupby(["month", "artist"]).size().rename("plays").reset_index())


def most_of_each_month(plays: pd.DataFrame) -> pd.DataFrame:
    """The first three rows of each month, most plays first."""
    ordered = plays.sort_values(["month", "plays", "artist"], ascending=[True, False, True])
    return ordered.groupby("month").head(3)


ANSWERS = {
    each.__name__: each
    for each in (
        *(accounts_per_name, total_per_name, first_alices, favourite_group, one_year),
        *(long_trips, distance_by_duration, distance_correlation, plays_per_user, sessions, top_artists),
    )
}


def open_engine(folder: Path, cores: int) -> FunctionsEngine:
    """See `bench.engines.open_engine`; pandas computes on one core, its Parquet reader on all."""
    pa.set_cpu_count(cores)
    return FunctionsEngine(folder, ANSWERS)
