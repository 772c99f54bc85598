"""The shell: a prompt with history, highlighting and completion; queries and commands in a loop that nothing ends."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import ThreadedCompleter
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import to_formatted_text
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import PostgresLexer

from sqlengine import __version__
from sqlengine.redaction import redacted
from sqlengine.repl.commands import is_command, run_command
from sqlengine.repl.completion import SqlCompleter
from sqlengine.repl.main import OK, run_script
from sqlengine.repl.output import Output
from sqlengine.repl.statements import is_complete

if TYPE_CHECKING:
    from sqlengine.dbapi import Connection, Cursor

_PROMPT: Final = "sqlengine> "
_MORE: Final = "      ...> "


class Shell:
    """An interactive session on a connection.

    Attributes
    ----------
    connection
        What runs the SQL.
    output
        Shows the answers; commands change it.
    timer
        Whether rows and seconds are told after each answer.
    last
        The last answer, for `.export`.
    """

    def __init__(self, connection: Connection, output: Output, folder: str | None = None) -> None:
        self.connection = connection
        self.output = output
        self.timer = True
        self.last: Cursor | None = None
        self._folder = folder

    def run(self) -> int:
        """Read and run until Ctrl-D or `.quit`; the exit code."""
        threading.Thread(target=_load_engine, daemon=True).start()
        completer = SqlCompleter(self.connection)
        prompt: PromptSession[str] = PromptSession(
            history=_history(),
            lexer=None if os.environ.get("NO_COLOR") else PygmentsLexer(PostgresLexer),
            completer=ThreadedCompleter(completer),
            complete_while_typing=True,
            multiline=True,
            prompt_continuation=lambda width, line, wraps: to_formatted_text(_MORE),
            key_bindings=_keys(),
        )
        tables = len(self.connection.tables())
        where = f"{self._folder}: {tables} table{'' if tables == 1 else 's'}. " if self._folder else ""
        self.say(f"sqlengine {__version__}. {where}Type .help for help, Ctrl-D to leave.")
        while True:
            completer.refresh()
            try:
                text = prompt.prompt(_PROMPT)
            except KeyboardInterrupt:
                continue
            except EOFError:
                return OK
            try:
                self.handle(text)
            except EOFError:
                return OK
            except KeyboardInterrupt:
                self.say("interrupted")

    def handle(self, text: str) -> None:
        """Run what was typed: a command, SQL, or nothing."""
        if is_command(text):
            run_command(self, text)
        elif text.strip():
            self.run_sql(text)

    def run_sql(self, sql: str) -> None:
        """Run SQL and show the answers; errors are printed."""
        run_script(self.connection, sql, self.output, timer=self.timer, keep=self._keep)

    def say(self, text: str) -> None:
        """Print words to the user."""
        print(text, file=self.output.notes, flush=True)

    def _keep(self, cursor: Cursor) -> None:
        if cursor.description is not None:
            self.last = cursor


def _load_engine() -> None:
    """Import what the first query needs while the user still types it."""
    from sqlengine import connect

    # If this fails, so will the user's query, and say why.
    with contextlib.suppress(Exception):
        connect().execute("SELECT 1")


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @Condition
    def is_finished() -> bool:
        from prompt_toolkit.application import get_app

        text = get_app().current_buffer.text
        return not text.strip() or is_command(text) or is_complete(text)

    @keys.add("enter", filter=is_finished)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    return keys


def _history() -> History:
    """The history file, or one in memory where that file cannot be had."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    path = Path(state) / "sqlengine" / "history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Queries may hold what others should not read.
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return _History(str(path))


class _History(FileHistory):
    """A history file that keeps no secrets."""

    def store_string(self, string: str) -> None:
        """Write what was typed, redacted."""
        super().store_string(redacted(string))
