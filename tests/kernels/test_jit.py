"""Compilation: lazy, cached safely on disk, and one process at a time."""

import ast
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import sqlengine.kernels as package
from sqlengine.kernels import _jit

compiled = pytest.mark.skipif(_jit._jit_disabled(), reason="nothing is compiled")
SUM = "from sqlengine.kernels.hashing import hash_words; import numpy; hash_words([numpy.arange(3)], 1)"


def run(code, cache, **options):
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, **options
    )


def kernel_directory(cache):
    (directory,) = (cache / "sqlengine").glob("kernels-*")
    return directory


def test_only_one_module_imports_numba():
    for path in Path(package.__path__[0]).glob("*.py"):
        imported = {
            name.split(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        assert path.name == "_jit.py" or imported.isdisjoint({"numba", "llvmlite"})


def test_importing_kernels_does_not_import_numba():
    modules = [path.stem for path in Path(package.__path__[0]).glob("*.py") if path.stem != "__init__"]
    lines = [f"import sqlengine.kernels.{module}" for module in modules]
    lines += ["import sqlengine.executor.keys, sqlengine.executor.accumulators, sqlengine.executor.sort_keys"]
    lines += ["import sys", "assert 'numba' not in sys.modules"]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)


@compiled
@pytest.mark.slow
def test_kernels_imported_after_the_first_was_compiled(tmp_path):
    first = "from sqlengine.kernels.moments import merge_products; merge_products.load()"
    # Calls a function of another module of kernels.
    run(f"{first}; from sqlengine.kernels.strings import intern_strings; intern_strings.load()", tmp_path)


@compiled
@pytest.mark.slow
def test_cache_directory_is_the_users_own(tmp_path):
    run(SUM, tmp_path)
    directory = kernel_directory(tmp_path)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    files = {path: path.stat().st_mtime_ns for path in directory.rglob("*.nb*")}
    assert files
    run(SUM, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*.nb*")} == files


@compiled
@pytest.mark.slow
def test_cache_directory_that_others_can_write_is_refused(tmp_path):
    run(SUM, tmp_path)
    directory = kernel_directory(tmp_path)
    directory.chmod(0o777)
    files = {path: path.stat().st_mtime_ns for path in directory.rglob("*")}
    done = run(SUM, tmp_path)
    assert done.stderr.count("not kept on disk") == 1
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*")} == files


@compiled
@pytest.mark.slow
def test_cache_directory_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "sqlengine").symlink_to(tmp_path / "elsewhere")
    assert "not kept on disk" in run(SUM, tmp_path).stderr
    assert not list((tmp_path / "elsewhere").iterdir())


@compiled
@pytest.mark.slow
@pytest.mark.processes
def test_processes_that_fill_an_empty_cache_at_once_all_work(tmp_path):
    code = SUM + "; print(hash_words([numpy.arange(3)], 1).tolist())"
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = {process.communicate()[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(answers) == 1


def test_kernels_run_alike_compiled_and_not():
    import numpy as np

    from sqlengine.kernels.hashing import addresses, hash_rows

    column = [np.arange(-5, 5)]
    outcomes = []
    for run_kernel in (hash_rows, _jit._uncompiled(hash_rows.python)):
        out = np.empty(10, np.uint64)
        run_kernel(addresses(column), 10, np.uint64(7), np.uint64(2**64 - 1), out)
        outcomes.append(out.tolist())
    assert outcomes[0] == outcomes[1]
