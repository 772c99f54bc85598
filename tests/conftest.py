"""What all tests share: bounded hypothesis runs, programs that can be interrupted.

The usual run draws the same examples every time, so that it fails only for what has changed; new ones are looked for
with HYPOTHESIS_PROFILE=long.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

slow = [HealthCheck.too_slow]
settings.register_profile("quick", deadline=None, max_examples=40, derandomize=True, suppress_health_check=slow)
settings.register_profile("long", deadline=None, max_examples=2000, suppress_health_check=slow)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# A job started in the background by a script ignores Ctrl-C, and so do its children: tests that interrupt them would
# wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def zone_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests find out about their files is not kept among the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("zones")
        folder.chmod(0o700)
        patch.setattr("sqlengine.storage.zone_store.cache_folder", lambda: folder)
        yield
