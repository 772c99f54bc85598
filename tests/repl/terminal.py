"""The shell in a pseudo-terminal, driven as a person would."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pexpect

PROMPT = "sqlengine>"
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[=>])")


class Terminal:
    """A running shell of 100 columns."""

    def __init__(self, state: Path, *arguments: str) -> None:
        environment = {
            **os.environ,
            "XDG_STATE_HOME": str(state),
            "PROMPT_TOOLKIT_NO_CPR": "1",
            "NO_COLOR": "1",
            "TERM": "xterm",
        }
        self.process = pexpect.spawn(
            sys.executable,
            ["-m", "sqlengine.repl.main", *arguments],
            env=environment,
            dimensions=(50, 100),
            encoding="utf-8",
            timeout=30,
        )
        # A killed process may take a while to be gone on a busy machine.
        self.process.delayafterterminate = self.process.ptyproc.delayafterterminate = 2
        self.wait_for_prompt()

    def wait_for_prompt(self) -> str:
        """What was printed before the next prompt, without escape sequences."""
        self.process.expect_exact(PROMPT)
        return _ESCAPES.sub("", self.process.before)

    def run(self, text: str) -> str:
        """Type the text and Enter; what is printed until the prompt that follows the answer."""
        self.process.send(text)
        # The prompt redraws itself while one types; the answer comes after the last line has been left.
        self.process.send("\r")
        self.process.expect_exact("\x1b[?2004l")
        return self.wait_for_prompt()

    def close(self) -> int | None:
        """Leave with Ctrl-D; the exit code."""
        self.process.sendeof()
        self.process.expect(pexpect.EOF)
        self.process.close()
        return self.process.exitstatus
