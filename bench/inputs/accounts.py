"""Accounts: 25 files of gzipped JSON lines, each line an account with its transactions in it."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import numpy as np

FILES = 25
ACCOUNTS = 4000
SEED = 1

NAMES = (
    *("Alice", "Bob", "Charlie", "Dan", "Edith", "Frank", "George", "Hannah", "Ingrid", "Jerry", "Kevin", "Laura"),
    *("Michael", "Norbert", "Oliver", "Patricia", "Quinn", "Ray", "Sarah", "Tim", "Ursula", "Victor", "Wendy"),
    *("Xavier", "Yvonne", "Zelda", "Zoë", "Émile", "Łukasz", "O'Neil"),
)


def write_accounts(folder: Path, scale: float) -> None:
    """Write `accounts.00.json.gz` … `accounts.24.json.gz`: at scale 1, 100,000 accounts and 2.4 million transactions.

    The number of an account's transactions is skewed; some have none.
    """
    accounts = max(2, round(ACCOUNTS * scale))
    for number in range(FILES):
        random = np.random.default_rng([SEED, number])
        names = random.choice(len(NAMES), accounts, p=_popularity())
        counts = (random.pareto(1.5, accounts) * 12).clip(0, 2000).astype(np.int64)
        lines = io.StringIO()
        for k in range(accounts):
            account = number * accounts + k
            amounts = np.rint(random.normal(0, 500, counts[k]) + names[k]).astype(np.int64).tolist()
            keys = random.integers(0, 10**7, counts[k]).tolist()
            paid = [{"transaction-id": key, "amount": amount} for key, amount in zip(keys, amounts, strict=True)]
            line = {"id": account, "name": NAMES[names[k]], "transactions": paid}
            lines.write(json.dumps(line, ensure_ascii=False) + "\n")
        # No time of its own: the same bytes whenever it is made.
        packed = gzip.compress(lines.getvalue().encode(), 6, mtime=0)
        (folder / f"accounts.{number:02}.json.gz").write_bytes(packed)


def _popularity() -> np.ndarray:
    weights = 1 / np.arange(3, len(NAMES) + 3)
    return weights / weights.sum()
