"""How a kernel becomes machine code: the only file that imports numba.

A kernel is a plain Python function decorated with `@kernel(signature)`. Importing it imports no numba; its first
call compiles it, or loads it from the disk cache. A helper that kernels call is decorated with `@inner` and stays
a plain function, so everything here also runs uncompiled (NUMBA_DISABLE_JIT=1).

The cache holds machine code that will be run, so its directory must belong to the user and be writable by nobody
else; otherwise kernels are compiled in memory, with one warning. Compiling, saving and loading happen under an
exclusive file lock: several processes writing one numba cache can crash (numba issue 4807).
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import importlib
import os
import pkgutil
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from sqlengine.vector import buffer_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])

_FLAGS: Final[dict[str, Any]] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": False,
    "parallel": False,
    "boundscheck": False,
}
_inner: list[Callable[..., Any]] = []
_kernels: list[Kernel] = []
_lock = threading.RLock()


class Kernel:
    """A numba loop that is compiled, or loaded from the disk cache, when it is first called.

    Parameters
    ----------
    function
        The loop: 1-D contiguous arrays and scalars only; writes into the arrays it is given, raises nothing.
    signature
        Its one numba signature; callers coerce to it.
    """

    def __init__(self, function: Callable[..., Any], signature: str) -> None:
        functools.update_wrapper(self, function)
        self.python = function
        self.signature = signature
        self._run: Callable[..., Any] | None = None
        _kernels.append(self)

    def __call__(self, *arguments: Any) -> Any:
        """Run the loop, compiling it first if need be."""
        run = self._run or self.load()
        try:
            return run(*arguments)
        except TypeError:
            # numba has another type for read-only arrays; a loop only ever writes to arrays made for that.
            lent = [writable(each) if isinstance(each, np.ndarray) else each for each in arguments]
            return run(*lent)

    def load(self) -> Callable[..., Any]:
        """Compile, or load from the disk cache; returns what runs the loop."""
        with _lock:
            if self._run is None:
                self._run = _uncompiled(self.python) if _jit_disabled() else _compile(self)
            return self._run


def kernel(signature: str) -> Callable[[Callable[..., Any]], Kernel]:
    """Make the decorated loop a `Kernel` with that numba signature."""
    return lambda function: Kernel(function, signature)


def inner(function: Function) -> Function:
    """Let kernels call the decorated function, which itself stays plain Python."""
    _inner.append(function)
    return function


def preload() -> None:
    """Compile, or load from the disk cache, every kernel of the package; for the process that others fork from."""
    import sqlengine.kernels as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    if _jit_disabled():
        return
    directory = cache_directory()
    with _lock, _cache_lock(directory):
        for each in _kernels:
            each.load()
        if directory is not None:
            (directory / _COMPLETE).touch()


# -- memory that kernels reach by address ---------------------------------------------------------
# One signature serves any number of columns when they come as an array of addresses. The functions below are
# the uncompiled meaning; `_register` gives numba the compiled one.


def words_at(address: int, n: int) -> NDArray[np.int64]:
    """int64[n] over the memory at `address`, no copy."""
    if n == 0:
        return np.empty(0, np.int64)
    return np.ctypeslib.as_array((ctypes.c_int64 * n).from_address(int(address)))


def load_uint64(address: int) -> np.uint64:
    """The 8 bytes at `address`, which need not be aligned."""
    return np.uint64(ctypes.c_uint64.from_address(int(address)).value)


def load_uint32(address: int) -> np.uint64:
    """The 4 bytes at `address`, zero-extended."""
    return np.uint64(ctypes.c_uint32.from_address(int(address)).value)


def load_uint8(address: int) -> np.uint64:
    """The byte at `address`, zero-extended."""
    return np.uint64(ctypes.c_uint8.from_address(int(address)).value)


def prefetch(address: Any) -> None:
    """Ask the processor to fetch the cache line at `address`; only ever a hint."""


def address_of(array: NDArray[Any]) -> int:
    """Address of the first item of a C-contiguous array."""
    return int(array.__array_interface__["data"][0])


def writable(array: NDArray[Any]) -> NDArray[Any]:
    """The same memory typed writable, because kernels have one type for arrays; nothing writes through it."""
    if array.flags.writeable:
        return array
    import pyarrow as pa

    return buffer_words(pa.py_buffer(array), array.dtype, 0, len(array))


# -- compiling ------------------------------------------------------------------------------------


def _jit_disabled() -> bool:
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def _uncompiled(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any) -> Any:
        typed = [np.int64(each) if type(each) is int else each for each in arguments]
        # Unsigned words wrap around in machine code; numpy scalars would warn.
        with np.errstate(all="ignore"):
            return function(*typed)

    return run


def _compile(each: Kernel) -> Callable[..., Any]:
    import numba
    from numba.extending import register_jitable

    _register()
    # Modules of kernels may be imported after the first kernel was compiled.
    while _inner:
        register_jitable(**_FLAGS)(_inner.pop())
    directory = cache_directory()
    with _cache_lock(directory), _numba_cache(directory):
        compiled: Callable[..., Any] = numba.njit(each.signature, cache=directory is not None, **_FLAGS)(each.python)
    return compiled


@functools.cache
def _register() -> None:
    """Tell numba what the memory functions compile to."""
    import numba
    from llvmlite import ir
    from numba.core import cgutils, types
    from numba.extending import intrinsic, overload

    byte_pointer = ir.IntType(8).as_pointer()

    def pointer_of(_context: Any, _address: Any) -> Any:
        def generate(_codegen: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], byte_pointer)

        return types.voidptr(types.int64), generate

    def loader(bits: int) -> Any:
        def load(_context: Any, _address: Any) -> Any:
            def generate(_codegen: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
                pointer = builder.inttoptr(arguments[0], ir.IntType(bits).as_pointer())
                value = builder.load(pointer, align=1)
                return value if bits == 64 else builder.zext(value, ir.IntType(64))

            return types.uint64(types.int64), generate

        return intrinsic(load)

    def fetch_line(_context: Any, _address: Any) -> Any:
        def generate(codegen: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            flag = ir.IntType(32)
            function_type = ir.FunctionType(ir.VoidType(), [byte_pointer, flag, flag, flag])
            hint = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0")
            # For reading, into all cache levels, data.
            builder.call(hint, [builder.inttoptr(arguments[0], byte_pointer), flag(0), flag(3), flag(1)])
            return codegen.get_dummy_value()

        return types.void(types.int64), generate

    int64 = np.int64
    carray = numba.carray
    as_pointer, fetch = intrinsic(pointer_of), intrinsic(fetch_line)
    load64, load32, load8 = loader(64), loader(32), loader(8)
    overload(words_at)(lambda address, n: lambda address, n: carray(as_pointer(int64(address)), n, int64))
    overload(load_uint64)(lambda address: lambda address: load64(int64(address)))
    overload(load_uint32)(lambda address: lambda address: load32(int64(address)))
    overload(load_uint8)(lambda address: lambda address: load8(int64(address)))
    overload(prefetch)(lambda address: lambda address: fetch(int64(address)))
    overload(address_of)(lambda array: lambda array: array.ctypes.data)


# -- the disk cache -------------------------------------------------------------------------------


@functools.cache
def cache_directory() -> Path | None:
    """The user's own directory of compiled kernels, made if missing; None (and a warning) if it is not safe to use."""
    from importlib.metadata import version

    import llvmlite.binding as llvm

    given = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(given if os.path.isabs(given) else Path.home() / ".cache") / "sqlengine"
    python = f"{sys.implementation.name}{sys.version_info.major}.{sys.version_info.minor}"
    # numba notices a change in the kernel's own file only, not in the inner functions of another one; and it keeps
    # apart what it compiled by the path and the time of the file.
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(f"{path} {path.stat().st_mtime_ns} ".encode() + path.read_bytes())
    directory = root / f"kernels-{version('sqlengine')}-{python}-{llvm.get_host_cpu_name()}-{digest.hexdigest()[:12]}"
    try:
        for each in (root, directory):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = each.lstat()
            if status.st_uid != os.getuid() or status.st_mode & 0o022 or each.is_symlink():
                raise PermissionError(f"{each} belongs to, or is writable by, somebody else")
    except OSError as error:
        warnings.warn(f"compiled kernels are not kept on disk, each process compiles anew: {error}", stacklevel=2)
        return None
    return directory


_held = threading.local()
# The file that says that every kernel is in the directory, so that nobody writes there any more.
_COMPLETE: Final = "complete"


@contextlib.contextmanager
def _cache_lock(directory: Path | None) -> Iterator[None]:
    """Hold the cache's file lock; nests within a thread.

    Alone as long as kernels may have to be written; together with others once all have been.
    """
    if directory is None or getattr(_held, "lock", False):
        yield
        return
    import fcntl

    with open(directory / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_SH if (directory / _COMPLETE).exists() else fcntl.LOCK_EX)
        _held.lock = True
        try:
            yield
        finally:
            _held.lock = False


@contextlib.contextmanager
def _numba_cache(directory: Path | None) -> Iterator[None]:
    """Point numba's cache at `directory` for a moment, without touching other users of numba in the process."""
    import numba

    if directory is None:
        yield
        return
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(directory)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before
