"""A food survey: one CSV a year, and one that says what the codes in them mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

YEARS = range(1974, 2001)
ENTRIES = 100_000
SEED = 3

_GROUPS = (
    *("Milk, whole", "Milk, other", "Cheese", "Carcase meat", "Other meat", "Fish", "Eggs", "Fats", "Sugar"),
    *("Preserves", "Potatoes, fresh", "Vegetables, green", "Vegetables, other", 'Fruit, "soft"', "Fruit, other"),
    *("Bread, white", "Bread, brown", "Flour", "Cakes", "Biscuits", "Cereals", "Tea & coffee", "Soft drinks"),
)
_CODES = 220


def write_survey(folder: Path, scale: float) -> None:
    """Write `diary/year=1974/diary.csv` … `year=2000`, at scale 1 about 100,000 entries each, and `foods.csv`.

    Tastes change: what is eaten most often is not the same in all years. Some quantities are missing, some are not
    numbers of grams but `..`, the survey's sign for "not recorded"; the code of an entry is always known.
    """
    groups = np.random.default_rng([SEED, 0]).integers(0, len(_GROUPS), _CODES)
    foods = {
        "food_code": pa.array(10_001 + 3 * np.arange(_CODES)),
        "group_code": pa.array(100 + groups),
        "description": pa.array(_GROUPS).take(pa.array(groups)),
    }
    csv.write_csv(pa.table(foods), folder / "foods.csv")
    for year in YEARS:
        random = np.random.default_rng([SEED, year])
        entries = max(50, round(ENTRIES * scale * (1 + 0.2 * np.sin(year))))
        taste = 1 / (1 + np.abs(np.arange(_CODES) - (year - YEARS[0]) * 8) % _CODES) ** 0.7
        codes = random.choice(_CODES, entries, p=taste / taste.sum())
        quantities = pa.array(np.rint(random.lognormal(5, 1, entries), casting="unsafe").astype(np.int64))
        texts = np.where(random.random(entries) < 0.01, "..", quantities.cast(pa.string()).to_numpy(False))
        diary = {
            "household": pa.array(np.sort(random.integers(1, entries // 12 + 2, entries))),
            "person": pa.array(random.integers(1, 7, entries)),
            "food_code": pa.array(10_001 + 3 * codes),
            "grams": pa.array(texts, mask=random.random(entries) < 0.03),
            "pence": pa.array(random.integers(3, 900, entries), mask=random.random(entries) < 0.05),
        }
        target = folder / "diary" / f"year={year}"
        target.mkdir(parents=True)
        csv.write_csv(pa.table(diary), target / "diary.csv", csv.WriteOptions(quoting_style="needed"))
