"""Imports run downwards only; the package imports fast; the documented path exists."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sqlengine

ROOT = Path(sqlengine.__file__).parent

# Each room and the rooms it may import, `api` being the modules directly in the package that are not foundations.
FOUNDATIONS = {"types", "sql_type", "keywords", "errors", "config", "redaction", "words", "vector", "batch"}
ALLOWED = {
    "foundation": set(),
    "kernels": {"foundation"},
    "functions": {"foundation"},
    "storage": {"foundation", "kernels", "functions"},
    "planner": {"foundation", "functions", "storage"},
    "executor": {"foundation", "kernels", "functions", "storage", "planner"},
    "api": {"foundation", "functions", "storage", "planner", "executor"},
    "repl": {"foundation", "functions", "storage", "planner", "executor", "api"},
}
# All the executor may know of the planner: the nodes it runs.
PLAN_NODES = {
    "sqlengine.planner.physical",
    "sqlengine.planner.physical_aggregates",
    "sqlengine.planner.physical_joins",
    "sqlengine.planner.physical_write",
    "sqlengine.planner.expressions",
    "sqlengine.planner.logical",
    "sqlengine.planner.logical_joins",
    "sqlengine.planner.window_call",
}

MODULES = sorted(ROOT.rglob("*.py"))


def room(module: str) -> str:
    parts = module.split(".")
    if len(parts) == 1:
        return "api"
    if parts[1] in FOUNDATIONS:
        return "foundation"
    return parts[1] if parts[1] in ALLOWED else "api"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names if node.module == "sqlengine")
    return {name for name in found if name.split(".")[0] == "sqlengine" and name != "sqlengine"}


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_run_downwards(path: Path) -> None:
    here = room(module_name(path))
    for name in imports(path):
        if name.startswith("sqlengine.") and name.split(".")[1].startswith("__"):
            continue
        there = room(name)
        assert there == here or there in ALLOWED[here], f"{module_name(path)} ({here}) imports {name} ({there})"
        if here == "executor" and there == "planner":
            assert name in PLAN_NODES, f"{module_name(path)} imports {name}, which is not a plan node"


def test_only_the_kernel_decorator_imports_numba() -> None:
    importers = {
        module_name(path)
        for path in MODULES
        if re.search(r"^\s*(import numba|from numba)", path.read_text(), re.MULTILINE)
    }
    assert importers <= {"sqlengine.kernels._jit"}


def test_files_are_short() -> None:
    long = {module_name(path): n for path in MODULES if (n := len(path.read_text().splitlines())) > 480}
    assert not long, f"split these: {long}"


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, sqlengine; print([m for m in ('numba', 'pandas', 'sqlglot', 'pyarrow') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_life_of_a_query_names_real_functions() -> None:
    text = sqlengine.__doc__ or ""
    names = re.findall(r"^\s*\d+\. `([\w.]+)`", text, re.MULTILINE)
    assert len(names) == 10
    for name in names:
        module, _, rest = name.partition(".")
        target: object = importlib.import_module(f"sqlengine.{module}")
        while rest:
            head, _, rest = rest.partition(".")
            try:
                target = getattr(target, head)
            except AttributeError:
                target = importlib.import_module(f"{target.__name__}.{head}")  # type: ignore[attr-defined]
        assert callable(target), name


def test_rooms_stand_at_the_top_level() -> None:
    top = ROOT.parent
    if not (top / "pyproject.toml").exists():
        pytest.skip("not a checkout")
    for name in ("planner", "executor", "storage", "repl"):
        assert (top / name).resolve() == (ROOT / name).resolve()
