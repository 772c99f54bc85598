"""Local times and instants around changes of the clocks, as DuckDB has them."""

from __future__ import annotations

import random

import numpy as np
import pytest

from sqlengine.functions.time_zones import to_local, to_utc
from tests.functions.calls import Oracle

HOUR = 3_600_000_000
# Instants near which some zone changed its clocks, in seconds since 1970.
CHANGES = (1_583_650_800, 1_604_210_400, 1_585_443_600, 1_603_587_600, 1_570_291_200, 1_325_239_200, 325_666_800)


@pytest.mark.parametrize(
    "zone", ["UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]
)
def test_clocks(zone: str, oracle: Oracle) -> None:
    rng = random.Random(7)
    moments = [second * 1_000_000 + rng.randint(-30 * HOUR, 30 * HOUR) for second in CHANGES for _ in range(60)]
    moments += [rng.randint(-1_500_000_000, 4_000_000_000) * 1_000_000 for _ in range(200)]
    values = ", ".join(f"({moment})" for moment in moments)
    rows = oracle.rows(
        f"SELECT epoch_us(timezone('{zone}', make_timestamptz(m))), epoch_us(timezone('{zone}', make_timestamp(m))) "
        f"FROM (VALUES {values}) AS v(m)"
    )
    words = np.array(moments, np.int64)
    assert to_local(words, zone).tolist() == [row[0] for row in rows]
    assert to_utc(words, zone).tolist() == [row[1] for row in rows]
