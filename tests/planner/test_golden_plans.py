"""Every case of tests/plans/*.txt (see tests/planner/golden.py)."""

from __future__ import annotations

import inspect
import os
from pathlib import Path

import pytest

from sqlengine.planner.optimizer import RULES, Rule
from tests.planner.golden import FOLDER, read_cases, run_case

FILES = sorted(FOLDER.glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_plans_are_as_written(path: Path) -> None:
    cases = read_cases(path)
    assert cases, f"{path.name} has no case"
    assert cases[0].comments[0].startswith("# "), f"{path.name} must begin by saying what it tests"
    if os.environ.get("SQLENGINE_UPDATE_PLANS"):
        path.write_text("\n\n".join(case.text(run_case(case)) for case in cases) + "\n")
        return
    for case in cases:
        assert run_case(case) == "\n".join(case.expected), f"{path.name}: {case.sql}"


def test_every_rule_has_a_case_that_fires_and_one_that_must_not() -> None:
    commands = {case.command for path in FILES for case in read_cases(path)}
    words = {word for command in commands for word in command.split()}
    for rule in RULES:
        assert f"expect={rule.name}" in words, f"no case expects {rule.name}"
        assert f"expect-not={rule.name}" in words, f"no case expects {rule.name} to stay away"


@pytest.mark.parametrize("rule", {rule.name: rule for rule in RULES}.values(), ids=lambda rule: rule.name)
def test_the_trees_in_a_rules_docstring_are_those_of_its_first_case(rule: Rule) -> None:
    case = next(c for c in read_cases(FOLDER / f"{rule.name}.txt") if f"expect={rule.name}" in c.command.split())
    documentation = inspect.getdoc(rule.apply) or ""
    shown = documentation[documentation.index("Before:") :].splitlines()
    assert [line.removeprefix("    ") for line in shown if line] == case.expected
