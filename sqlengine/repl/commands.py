r"""The shell's commands, in one registry from which the help is written. `.name` and `\name` are the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlengine import errors
from sqlengine.repl.output import SCREEN_MODES, Output

if TYPE_CHECKING:
    from sqlengine.repl.shell import Shell


class CommandError(Exception):
    """A command's argument does not fit; the text says what it takes."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its names (the first is the full one), what follows it, what it does."""

    names: tuple[str, ...]
    argument: str
    help: str
    run: Callable[[Shell, str], None]


COMMANDS: Final[dict[str, Command]] = {}


def command(*names: str, argument: str = "") -> Callable[[Callable[[Shell, str], None]], Callable[[Shell, str], None]]:
    """Register the decorated function; the first line of its docstring is its help."""

    def register(run: Callable[[Shell, str], None]) -> Callable[[Shell, str], None]:
        entry = Command(names, argument, (run.__doc__ or "").splitlines()[0], run)
        COMMANDS.update(dict.fromkeys(names, entry))
        return run

    return register


def is_command(text: str) -> bool:
    """Whether the text is for this module rather than SQL."""
    return text.lstrip().startswith((".", "\\"))


def run_command(shell: Shell, text: str) -> None:
    """Run `.name argument`; errors are printed."""
    word, _, argument = text.strip()[1:].partition(" ")
    # `.tables;` and `\q;` are slips of a hand used to SQL.
    word, argument = word.rstrip(";"), argument.strip().rstrip(";").strip()
    entry = COMMANDS.get(word) or COMMANDS.get(word.lower())
    if entry is None:
        shell.say(f"there is no command {text.split()[0]!r}.{errors.did_you_mean(word, COMMANDS)} Try .help")
    elif argument and not entry.argument:
        shell.say(f".{entry.names[0]} takes no argument")
    elif not argument and entry.argument and not entry.argument.startswith("["):
        shell.say(f"usage: .{entry.names[0]} {entry.argument}")
    else:
        try:
            entry.run(shell, argument)
        except CommandError as error:
            shell.say(str(error))
        except errors.Error as error:
            shell.say(errors.render(error))
        except OSError as error:
            shell.say(f"{error.filename}: {error.strerror}" if error.filename else str(error))


@command("help", "h", "?", argument="[FUNCTION]")
def show_help(shell: Shell, argument: str) -> None:
    """this text; what a function does, with an example"""
    if argument:
        shell.say(_about_function(argument.strip().rstrip("()").lower()))
        return
    entries = list(dict.fromkeys(COMMANDS.values()))
    left = [
        " ".join(filter(None, [", ".join(_spelled(name) for name in entry.names), entry.argument])) for entry in entries
    ]
    width = max(map(len, left))
    shell.say("SQL ends with a semicolon and may take several lines. Commands:")
    for text, entry in zip(left, entries, strict=True):
        shell.say(f"  {text:<{width}}  {entry.help}")
    shell.say(
        "Keys: Tab completes, Ctrl-R searches the history, Alt-Enter runs without a semicolon,\n"
        "      Ctrl-C ends a query or clears the line, Ctrl-D leaves."
    )


def _about_function(name: str) -> str:
    from sqlengine.functions.registry import find_aggregate, find_scalar, find_window, function_names

    function = find_scalar(name) or find_aggregate(name) or find_window(name)
    if function is None:
        return f"there is no function {name!r}.{errors.did_you_mean(name, function_names())}"
    example = "" if function.example is None else f"\n  {function.example[0]}\n  -- {function.example[1]}"
    return function.summary + example


@command("tables", "dt")
def list_tables(shell: Shell, argument: str) -> None:
    """the tables of the folder"""
    names = shell.connection.tables()
    if not names:
        shell.say("no tables: start with `sqlengine FOLDER`, or query a file: FROM 'path/*.csv';")
    for name in names:
        shell.say(name)


@command("schema", "d", argument="[TABLE]")
def show_schema(shell: Shell, argument: str) -> None:
    """the columns of a table and their types; without a name, of all tables"""
    for name in [argument.strip('"')] if argument else shell.connection.tables():
        if not argument:
            shell.say(f"{name}:")
        rows = shell.connection.execute(f'DESCRIBE "{_escaped(name)}"').fetchall()
        width = max(len(row[0]) for row in rows)
        for row in rows:
            shell.say(f"  {row[0]:<{width}}  {row[1]}")


@command("mode", argument="[NAME]")
def set_mode(shell: Shell, argument: str) -> None:
    """how answers look: table, line, csv, json, ndjson, markdown"""
    modes = shown_modes()
    if argument and argument.lower() not in modes:
        raise CommandError(f"there is no mode {argument!r}; choose {', '.join(modes)}")
    if argument:
        shell.output.mode = argument.lower()
    shell.say(f"mode: {shell.output.mode}")


@command("expanded", "x", argument="[on|off]")
def set_expanded(shell: Shell, argument: str) -> None:
    """one column a line, for wide rows"""
    on = _switch(argument, shell.output.mode != "line")
    shell.output.mode = "line" if on else "table"
    shell.say(f"mode: {shell.output.mode}")


@command("timer", "timing", argument="[on|off]")
def set_timer(shell: Shell, argument: str) -> None:
    """whether rows and seconds are told after each answer"""
    shell.timer = _switch(argument, not shell.timer)
    shell.say(f"timer: {'on' if shell.timer else 'off'}")


@command("rows", "maxrows", argument="[NUMBER]")
def set_rows(shell: Shell, argument: str) -> None:
    """how many rows a table shows; 0: all"""
    if argument:
        if not argument.isdecimal():
            raise CommandError(f".rows takes a number of rows, not {argument!r}")
        shell.output.max_rows = int(argument) or None
    shell.say(f"rows: {shell.output.max_rows or 'all'}")


@command("null", argument="TEXT")
def set_null(shell: Shell, argument: str) -> None:
    """how NULL is shown"""
    shell.output.null = argument


@command("settings")
def show_settings(shell: Shell, argument: str) -> None:
    """the settings; change one with SET name = value;"""
    shell.run_sql("SHOW ALL")


@command("export", "o", argument="FILE")
def export(shell: Shell, argument: str) -> None:
    """write the last answer into a .csv, .json, .jsonl, .md, .parquet or .arrow file, without running it again"""
    suffixes = {"csv": "csv", "json": "json", "jsonl": "ndjson", "ndjson": "ndjson", "md": "markdown"}
    suffixes |= {"parquet": "parquet", "arrow": "arrow"}
    path = Path(argument.strip("'")).expanduser()
    mode = suffixes.get(path.suffix.lstrip(".").lower())
    if mode is None:
        raise CommandError(f"{path.name}: the suffix must be one of .{', .'.join(suffixes)}")
    if shell.last is None:
        raise CommandError("there is no answer yet")
    note = Output(shell.output.stream, shell.output.notes, mode, path=str(path)).show(shell.last)
    shell.say(f"{path}: {note}")


@command("read", "i", argument="FILE")
def read(shell: Shell, argument: str) -> None:
    """run the SQL in a file"""
    shell.run_sql(Path(argument.strip("'")).expanduser().read_text(encoding="utf-8"))


@command("clear")
def clear(shell: Shell, argument: str) -> None:
    """clear the screen"""
    shell.say("\x1b[2J\x1b[H" if shell.output.terminal else "\n" * shutil.get_terminal_size().lines)


@command("quit", "q", "exit")
def leave(shell: Shell, argument: str) -> None:
    """leave"""
    raise EOFError


def shown_modes() -> list[str]:
    """Modes a terminal can show."""
    from sqlengine.repl.writers import BINARY_FORMATS, WRITERS

    return [*SCREEN_MODES, *(name for name in WRITERS if name not in BINARY_FORMATS)]


def _spelled(name: str) -> str:
    return f"\\{name}" if len(name) <= 2 else f".{name}"


def _escaped(name: str) -> str:
    return name.replace('"', '""')


def _switch(argument: str, otherwise: bool) -> bool:
    if not argument:
        return otherwise
    if argument.lower() not in ("on", "off"):
        raise CommandError(f"on or off, not {argument!r}")
    return argument.lower() == "on"
