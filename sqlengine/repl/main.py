"""The command `sqlengine`: SQL from arguments, files or a pipe, answers on stdout; without any, the shell.

Only what a run needs is imported: `-c` never loads the shell.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from sqlengine import __version__, errors

if TYPE_CHECKING:
    from sqlengine.dbapi import Connection, Cursor
    from sqlengine.repl.output import Output

OK: Final = 0
QUERY_ERROR: Final = 1
USAGE_ERROR: Final = 2
CONNECTION_ERROR: Final = 3
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141

_EXAMPLES: Final = """\
examples:
  sqlengine trips/                          the shell; each file or sub-folder of trips/ is a table
  sqlengine -c "SELECT count(*) FROM 'trips/*.csv'"
  sqlengine trips/ -f report.sql --csv > report.csv
  echo "FROM zones LIMIT 5" | sqlengine trips/ --json
  sqlengine trips/ -c "FROM trips WHERE fare > 50" --parquet -o expensive.parquet
  sqlengine demo                            writes a year of trips and answers questions about it

exit codes: 0 ok, 1 a query failed, 2 wrong usage or setting, 3 no such folder, 130 interrupted, 141 broken pipe
"""

_FORMATS: Final = {
    "table": "a box for people (default on a terminal)",
    "line": "one 'column = value' a line",
    "csv": "CSV with a header (default when stdout is not a terminal)",
    "json": "one JSON array of objects for each answer",
    "ndjson": "JSON lines",
    "markdown": "a Markdown table",
    "parquet": "a Parquet file; needs -o",
    "arrow": "an Arrow IPC file; needs -o",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv
        Arguments without the program's name; default: this process's.

    Returns
    -------
    int
        The exit code: see `--help`.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        if arguments[:1] == ["demo"]:
            from sqlengine.repl.demo import main as demo

            return demo(arguments[1:])
        return _run(_parser().parse_args(arguments))
    except SystemExit as end:
        # argparse leaves this way after --help and --version (0) and on wrong usage (2).
        return end.code if isinstance(end.code, int) else USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read has gone; the interpreter must not complain about it again when it flushes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


def _run(options: argparse.Namespace) -> int:
    if options.format in ("parquet", "arrow") and options.output is None:
        return _fail(f"--{options.format} needs a file: add -o FILE", USAGE_ERROR)
    try:
        scripts = [_read_script(kind, text) for kind, text in options.scripts or []]
        settings = dict(_setting(text) for text in options.set or [])
        if not scripts and not sys.stdin.isatty():
            scripts = [sys.stdin.read()]
    except (OSError, UnicodeDecodeError, errors.SettingError) as error:
        return _fail(_words(error), USAGE_ERROR)
    settings |= {name: value for name in ("scheduler", "workers") if (value := getattr(options, name)) is not None}
    try:
        connection = _connect(options.folder, settings)
    except errors.FileMissingError as error:
        return _fail(error.message, CONNECTION_ERROR)
    except errors.SettingError as error:
        return _fail(error.message, USAGE_ERROR)

    from sqlengine.repl.output import standard_output

    output = standard_output(options.format or ("table" if sys.stdout.isatty() else "csv"))
    output.null, output.path = options.null, options.output
    rows = connection.settings.get_int("max_display_rows") if options.max_rows is None else options.max_rows
    output.max_rows = rows or None
    if not scripts:
        from sqlengine.repl.shell import Shell

        return Shell(connection, output, options.folder).run()
    for script in scripts:
        code = run_script(connection, script, output)
        if code != OK:
            return code
    return OK


def run_script(
    connection: Connection,
    script: str,
    output: Output,
    *,
    timer: bool = False,
    keep: Callable[[Cursor], None] | None = None,
) -> int:
    """Run a script and show each answer; an error ends it and is printed.

    Parameters
    ----------
    timer
        Say after each statement how many rows it gave and how long it took; else only what is not shown.
    keep
        Called with each statement's cursor.

    Returns
    -------
    int
        OK, QUERY_ERROR, or USAGE_ERROR for an answer the output format cannot take.
    """
    progress = None
    if output.notes.isatty() and connection.settings.get_bool("progress"):
        from sqlengine.repl.progress import ProgressLine

        progress = ProgressLine(output.notes)
    connection.on_progress(progress)
    started = time.perf_counter()
    try:
        for cursor in connection.execute_script(script):
            seconds = time.perf_counter() - started
            if progress is not None:
                progress.clear()
            if keep is not None:
                keep(cursor)
            note = output.show(cursor)
            if timer:
                print(f"{note}{', ' if note else ''}{seconds:.3f} s", file=output.notes)
            elif " of " in note:
                print(note, file=output.notes)
            started = time.perf_counter()
    except errors.InterfaceError as error:
        return _fail(error.message, USAGE_ERROR)
    except errors.Error as error:
        if progress is not None:
            progress.clear()
        return _fail(errors.render(error, script), QUERY_ERROR)
    except BrokenPipeError:
        raise
    except OSError as error:
        return _fail(_words(error), QUERY_ERROR)
    except Exception:
        # A defect costs this statement, not the session; whoever reports it needs the traceback.
        if progress is not None:
            progress.clear()
        traceback.print_exc()
        return _fail("This is a defect in sqlengine; please report it with the query.", QUERY_ERROR)
    finally:
        connection.on_progress(None)
        if progress is not None:
            progress.clear()
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sqlengine",
        description="SQL over folders of Parquet and CSV files.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", nargs="?", help="each data file and each sub-folder in it is a table")
    parser.add_argument("--version", action="version", version=f"sqlengine {__version__}")
    scripts = parser.add_argument_group("what to run (none: the shell, or SQL from a pipe)")
    scripts.add_argument(
        "-c",
        dest="scripts",
        metavar="SQL",
        action="append",
        type=lambda text: ("sql", text),
        help="run SQL; repeatable",
    )
    scripts.add_argument(
        "-f",
        dest="scripts",
        metavar="FILE",
        action="append",
        type=lambda path: ("file", path),
        help="run the SQL in a file (-: stdin); repeatable",
    )
    shown = parser.add_argument_group("how answers look")
    formats = shown.add_mutually_exclusive_group()
    for name, meaning in _FORMATS.items():
        flags = [f"--{name}", "--jsonl"] if name == "ndjson" else [f"--{name}"]
        formats.add_argument(*flags, dest="format", action="store_const", const=name, help=meaning)
    shown.add_argument("-o", dest="output", metavar="FILE", help="write answers into a file")
    shown.add_argument("--null", metavar="TEXT", help="how NULL is written (default: NULL on screen, nothing in CSV)")
    shown.add_argument("--max-rows", type=_rows, metavar="N", help="rows a box shows; 0: all (default: 40)")
    run = parser.add_argument_group("how queries run")
    run.add_argument("--set", metavar="NAME=VALUE", action="append", help="a setting, as in SET; see SHOW ALL")
    run.add_argument("--scheduler", metavar="NAME", help="short for --set scheduler=NAME")
    run.add_argument("--workers", metavar="N", help="short for --set workers=N")
    return parser


def _rows(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def _read_script(kind: str, text: str) -> str:
    if kind == "sql":
        return text
    if text == "-":
        return sys.stdin.read()
    with open(text, encoding="utf-8") as file:
        return file.read()


def _setting(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals:
        raise errors.SettingError(f"--set takes NAME=VALUE, not {text!r}")
    return name.strip(), value.strip()


def _connect(folder: str | None, settings: dict[str, object]) -> Connection:
    from sqlengine import connect

    return connect(folder, **settings)


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _fail(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
