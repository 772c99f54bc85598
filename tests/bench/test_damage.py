"""A sample of the damaged files; `python -m bench damage` reads thousands."""

from __future__ import annotations

import pytest

from bench.damage.cases import CUTS, Case, cases_of
from bench.damage.files import KINDS
from bench.damage.run import judge, summarize

FLIPS = 12


def test_damage_is_the_same_every_time_and_changes_something() -> None:
    data = bytes(range(256)) * 40
    for number in range(CUTS + 50):
        damaged = Case("a.csv", number).apply(data)
        assert damaged == Case("a.csv", number).apply(data)
        assert len(damaged) == (len(data) * number // CUTS if number < CUTS else len(data))
    assert Case("a.csv", 30).apply(data) != Case("b.csv", 30).apply(data)
    assert sum(Case("a.csv", number).apply(data) != data for number in range(CUTS, CUTS + 50)) > 45


@pytest.mark.slow
def test_each_damaged_file_is_an_error_or_an_answer() -> None:
    cases = [case for name in KINDS for case in cases_of(name, FLIPS) if not case.is_cut or case.number % 4 == 3]
    outcomes = judge(cases, jobs=2)
    assert len(outcomes) == len(cases) > 300
    failed = [f"{case}: {outcome['reason']}" for case, outcome in outcomes.items() if outcome["outcome"] == "failed"]
    assert not failed, "\n".join(failed)
    # Neither everything nor nothing is refused.
    assert 200 < sum(outcome["outcome"] == "error" for outcome in outcomes.values()) < 420
    assert "plain.parquet" in summarize(outcomes)


@pytest.mark.slow
def test_a_reader_that_dies_fails_its_case_only() -> None:
    absent, sound = Case("absent.csv", 3), Case("plain.csv", CUTS + 1)
    outcomes = judge([absent, sound], jobs=1)
    assert outcomes[absent]["outcome"] == "failed"
    assert "the process ended with 1" in outcomes[absent]["reason"]
    assert outcomes[sound]["outcome"] in ("error", "answer")
