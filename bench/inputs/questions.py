"""What is asked of each input, in SQL; `{folder}` stands for where the inputs are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Question:
    """A query about one input. Its columns, and the order of its rows, are the same for every engine."""

    input: str
    sql: str

    def text(self, folder: Path) -> str:
        """The SQL over the inputs in `folder`."""
        return self.sql.replace("{folder}", str(folder))


_ACCOUNTS = "'{folder}/accounts/accounts.*.json.gz'"
_ARRAY = "read_hdf5('{folder}/arrays/random.h5', file_row_number = true)"
_MATRIX = "'{folder}/arrays/matrix.h5'"
_DIARY = "'{folder}/survey/diary/*/*.csv'"
_TRIPS = "'{folder}/taxi/trips/*.csv'"
_PLAYS = "'{folder}/listening/plays.*.parquet'"

QUESTIONS: dict[str, Question] = {
    "accounts_per_name": Question(
        "accounts", f"SELECT name, count(*) AS accounts FROM {_ACCOUNTS} GROUP BY name ORDER BY name"
    ),
    "total_per_name": Question(
        "accounts",
        f"""SELECT name, sum(paid.amount) AS total FROM (SELECT name, unnest(transactions) AS paid FROM {_ACCOUNTS})
            GROUP BY name ORDER BY name""",
    ),
    "first_alices": Question(
        "accounts",
        f"""WITH alices AS (SELECT id, transactions FROM {_ACCOUNTS} WHERE name = 'Alice' ORDER BY id LIMIT 5)
            SELECT id, paid."transaction-id", paid.amount FROM (SELECT id, unnest(transactions) AS paid FROM alices)
            ORDER BY ALL""",
    ),
    "array_mean": Question("arrays", f"SELECT avg(x) AS mean FROM {_ARRAY}"),
    "array_extremes": Question("arrays", f"SELECT min(x) AS least, max(x) AS most FROM {_ARRAY}"),
    "array_slice": Question(
        "arrays", f"SELECT file_row_number, x FROM {_ARRAY} WHERE file_row_number BETWEEN 500 AND 999 ORDER BY 1"
    ),
    "array_histogram": Question(
        "arrays", f"SELECT floor(x * 4)::INTEGER AS bin, count(*) AS size FROM {_ARRAY} GROUP BY bin ORDER BY bin"
    ),
    "matrix_columns": Question("arrays", rf"SELECT avg(COLUMNS('^c(\d+00|0)$')) FROM {_MATRIX}"),
    "favourite_group": Question(
        "survey",
        f"""WITH entries AS (
                SELECT year, group_code, description, count(*) AS entries
                FROM {_DIARY} JOIN '{{folder}}/survey/foods.csv' USING (food_code) GROUP BY ALL)
            SELECT * FROM entries
            QUALIFY row_number() OVER (PARTITION BY year ORDER BY entries DESC, group_code) = 1 ORDER BY year""",
    ),
    "one_year": Question(
        "survey",
        f"""SELECT person, count(*) AS entries, avg(TRY_CAST(grams AS INTEGER)) AS mean_grams, sum(pence) AS pence
            FROM {_DIARY} WHERE year = 1990 GROUP BY person ORDER BY person""",
    ),
    "long_trips": Question(
        "taxi",
        f"""SELECT count(*) FILTER (long) AS long_trips, avg(long::INTEGER) AS share
            FROM (SELECT dropoff_at - pickup_at > INTERVAL 20 MINUTE AS long FROM {_TRIPS})""",
    ),
    "distance_by_duration": Question(
        "taxi",
        f"""SELECT date_diff('second', pickup_at, dropoff_at) // 300 AS five_minutes, count(*) AS trips,
                avg(distance_km) AS mean_km, max(distance_km) AS most_km
            FROM {_TRIPS} GROUP BY five_minutes ORDER BY five_minutes""",
    ),
    "distance_correlation": Question(
        "taxi",
        f"SELECT corr(distance_km, date_diff('second', pickup_at, dropoff_at)) AS correlation FROM {_TRIPS}",
    ),
    "plays_per_user": Question(
        "listening", f"SELECT user_id, count(*) AS plays FROM {_PLAYS} GROUP BY user_id ORDER BY plays DESC, user_id"
    ),
    "sessions": Question(
        "listening",
        f"""SELECT user_id, count(*) AS sessions FROM (
                SELECT user_id, time_stamp - lag(time_stamp) OVER (PARTITION BY user_id ORDER BY time_stamp) AS gap
                FROM {_PLAYS})
            WHERE gap IS NULL OR gap > 1800 GROUP BY user_id ORDER BY user_id""",
    ),
    "top_artists": Question(
        "listening",
        f"""SELECT date_trunc('month', datetime) AS month, artist, count(*) AS plays FROM {_PLAYS}
            GROUP BY month, artist
            QUALIFY row_number() OVER (PARTITION BY month ORDER BY plays DESC, artist) <= 3
            ORDER BY month, plays DESC, artist""",
    ),
}
