import os
from pathlib import Path

import pytest

from sqlengine.errors import FileMissingError, NotSupportedError, OperationalError
from sqlengine.storage.filesystem import file_info, list_files, open_input, open_stream


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "b.csv",
        "a.csv",
        "sub/c.csv",
        "sub/deep/d.csv",
        ".hidden.csv",
        "_SUCCESS",
        "_tmp/x.csv",
        "_k=1/y.csv",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n1\n")
    return tmp_path


def names(tree: Path, source: str) -> list[str]:
    return [os.path.relpath(file.path, tree) for file in list_files(source)]


def test_folder_is_recursive_sorted_and_skips_metadata(tree: Path) -> None:
    assert names(tree, str(tree)) == ["_k=1/y.csv", "a.csv", "b.csv", "sub/c.csv", "sub/deep/d.csv"]


def test_globs(tree: Path) -> None:
    assert names(tree, f"{tree}/*.csv") == ["a.csv", "b.csv"]
    assert names(tree, f"{tree}/**/*.csv") == ["_k=1/y.csv", "a.csv", "b.csv", "sub/c.csv", "sub/deep/d.csv"]
    assert names(tree, f"{tree}/[a]*.csv") == ["a.csv"]


def test_a_pattern_may_spell_out_a_hidden_name(tree: Path) -> None:
    assert names(tree, f"{tree}/_tmp/*.csv") == ["_tmp/x.csv"]
    assert names(tree, f"{tree}/.hidden*") == [".hidden.csv"]


def test_a_file_whose_name_looks_like_a_pattern(tree: Path) -> None:
    (tree / "odd[1].csv").write_text("x\n")
    assert names(tree, f"{tree}/odd[1].csv") == ["odd[1].csv"]


def test_links_to_folders_are_followed_by_name_but_not_at_any_depth(tree: Path) -> None:
    (tree / "sub/loop").symlink_to(tree)
    (tree / "sub/file.csv").symlink_to(tree / "a.csv")
    below = ["sub/c.csv", "sub/deep/d.csv", "sub/file.csv"]
    for pattern in ("sub", "sub/**", "sub/**/**/*.csv"):
        assert names(tree, f"{tree}/{pattern}") == below
    assert names(tree, f"{tree}/sub/loop") == [f"sub/loop/{name}" for name in names(tree, str(tree))]
    assert names(tree, f"{tree}/sub/*/a.csv") == names(tree, f"{tree}/*/loop/a*") == ["sub/loop/a.csv"]


def test_what_is_no_file_is_refused(tree: Path) -> None:
    os.mkfifo(tree / "pipe.csv")
    assert "pipe.csv" not in names(tree, f"{tree}/*.csv") + names(tree, str(tree))
    kinds = {f"{tree}/pipe.csv": "a pipe", "/dev/zero": "a device", "/proc/self/stat": "without a size"}
    for path, what in kinds.items():
        with pytest.raises(NotSupportedError, match=rf"'{path}' is .*{what}"):
            list_files(path)


def test_relative_paths_and_home(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    monkeypatch.setenv("HOME", str(tree))
    assert names(tree, "a.csv") == names(tree, "~/a.csv") == names(tree, f"file://{tree}/a.csv") == ["a.csv"]


def test_missing_file_names_what_is_near(tree: Path) -> None:
    with pytest.raises(FileMissingError, match=r"a\.csv"):
        list_files(f"{tree}/aa.csv")
    with pytest.raises(FileMissingError, match=r"holds _k=1, a\.csv, b\.csv, sub"):
        list_files(f"{tree}/zzzzzz")


def test_empty_pattern_names_it_and_folders_are_hinted_at(tree: Path) -> None:
    with pytest.raises(FileMissingError, match=r"no file matches '.*\*\.parquet'.*holds"):
        list_files(f"{tree}/*.parquet")
    with pytest.raises(FileMissingError, match=r"matches folders; '.*sub\*/\*\*'"):
        list_files(f"{tree}/sub*")


def test_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(FileMissingError, match="no data files"):
        list_files(str(tmp_path))


def test_open_empty_and_vanished_files(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert open_input(str(tmp_path / "empty")).read() == b""
    with pytest.raises(FileMissingError, match="removed"):
        file_info(str(tmp_path / "gone"))
    with pytest.raises(OperationalError):
        open_input(str(tmp_path)).read()


@pytest.mark.parametrize(("ending", "module"), [(".gz", "gzip"), (".bz2", "bz2")])
def test_streams_are_decompressed_even_in_several_members(tmp_path: Path, ending: str, module: str) -> None:
    compress = __import__(module).compress
    path = tmp_path / f"x.csv{ending}"
    path.write_bytes(compress(b"first ") + compress(b"second"))
    assert open_stream(str(path)).read() == b"first second"
