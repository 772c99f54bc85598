"""What goes wrong between here and a remote store: which errors pass, and what each means to a user."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from sqlengine.errors import Error, FileMissingError, NotSupportedError, OperationalError

T = TypeVar("T")

# Seconds between attempts at what may pass.
_PAUSES: Final = (0.1, 0.4, 1.2)

# Package that fsspec needs for a protocol, where it is not in the extra `remote`.
_EXTRAS: Final = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}


class TransientError(Exception):
    """What may be gone when it is tried again: a timeout, a lost connection, a busy server."""


def persistently(attempt: Callable[[], T], patience: float) -> T:
    """What `attempt` returns; it is called up to four times while it raises what may pass, for `patience` seconds."""
    started = time.monotonic()
    for pause in _PAUSES:
        try:
            return attempt()
        except Exception as error:
            if not is_transient(error) or time.monotonic() - started >= patience:
                raise
            time.sleep(pause)
    return attempt()


def is_transient(error: Exception) -> bool:
    """Whether trying again may help."""
    names = {kind.__name__ for kind in type(error).__mro__}
    transient = {"ClientConnectionError", "ClientPayloadError", "ConnectTimeoutError", "ReadTimeoutError"}
    return isinstance(error, TransientError | TimeoutError | ConnectionError) or bool(names & transient)


@contextlib.contextmanager
def remote_errors(url: str, timeout: float, done: str = "read") -> Iterator[None]:
    """Turn whatever a file system of fsspec raises into this package's errors; `done`: what is done to the file."""
    try:
        yield
    except (Error, MemoryError):
        raise
    except FileNotFoundError as error:
        if done != "read":
            raise FileMissingError(f"{url!r} cannot be {done}: there is no {_reason(error)!r}") from error
        raise FileMissingError(f"there is no file {url!r}") from error
    except IsADirectoryError as error:
        raise FileMissingError(f"{url!r} is a folder, not a file") from error
    except PermissionError as error:
        raise _forbidden(url, error, done) from error
    except TimeoutError as error:
        raise OperationalError(
            f"{url!r} cannot be {done}: its server was silent for {timeout:g} s (setting 'remote_timeout')"
        ) from error
    except NotImplementedError as error:
        raise NotSupportedError(f"{url!r} cannot be {done}: its file system does not do that") from error
    except Exception as error:
        # Every file system has errors of its own: aiohttp's, botocore's, OSError.
        if type(error).__name__ == "NoCredentialsError":
            raise _forbidden(url, error, done) from error
        raise OperationalError(f"{url!r} cannot be {done}: {_reason(error)}") from error


def _forbidden(url: str, error: Exception, done: str) -> Error:
    return OperationalError(
        f"{url!r} may not be {done}: {_reason(error)}; credentials come from the environment, fsspec's configuration,"
        " or the option storage_options"
    )


def missing_package(scheme: str, error: Exception) -> Error:
    """The error for a protocol whose package is not installed, or that fsspec does not know."""
    extra = _EXTRAS.get(scheme, "remote")
    return NotSupportedError(
        f"files behind {scheme}:// cannot be read: {_reason(error)}; pip install 'sqlengine[{extra}]'"
    )


def _reason(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__
