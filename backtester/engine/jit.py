"""How kernels are compiled with Numba. No other module uses `numba.njit`."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache
from numba.core.types import unliteral

Function = TypeVar("Function", bound=Callable[..., Any])


@lru_cache(maxsize=1)
def engine_sources() -> str:
    """Return a hash of the engine's source files."""
    files = sorted(Path(__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


class ForgivingCache(FunctionCache):
    """Compile again when the machine code on disk cannot be read; go on when it cannot be written.

    Any change of the engine makes it stale: a kernel contains functions of other files, and Numba checks only the
    kernel's own.
    """

    def __init__(self, function: Any) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        self._cache_file._source_stamp = (self._cache_file._source_stamp, engine_sources())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001 - unpickling a damaged file may raise anything
            self._empty()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001 - the same, or a full disk
            self._empty()

    def _empty(self) -> None:
        with suppress(OSError):
            self.flush()  # type: ignore[no-untyped-call]


def compile_with(function: Any, **options: Any) -> Any:
    """Apply `numba.njit` with the engine's settings and cache."""
    compiled = numba.njit(nogil=True, error_model="numpy", **options)(function)
    compiled._cache = ForgivingCache(function)
    template = compiled.get_call_template

    def without_literals(args: Any, kws: Any) -> Any:
        """Compile one version for all integers: Numba would make one for each literal, also for the 0 of a counter."""
        plain: Any = unliteral
        return template([plain(arg) for arg in args], {name: plain(arg) for name, arg in kws.items()})

    compiled.get_call_template = without_literals
    return compiled


def kernel(function: Function) -> Function:
    """Compile on first call, keep the machine code on disk, release the interpreter lock.

    No fastmath: reassociation changes decisions. `error_model="numpy"`: a division by zero gives inf or NaN as in
    NumPy, and loops with divisions can be vectorised. Serial: processes are the only axis of parallelism.
    """
    return cast(Function, compile_with(function))


def inline(function: Function) -> Function:
    """Compile a small function into each kernel that calls it."""
    return cast(Function, compile_with(function, inline="always"))


def leaf(function: Function) -> Function:
    """Compile a kernel that makes no array, without counting references to the ones that it is given.

    Each count is an atomic instruction of some 5 ns, and there are several for each view and each tuple of arrays.
    """
    return cast(Function, compile_with(function, _nrt=False))
