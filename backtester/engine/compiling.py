"""The one door to Numba: how a kernel is compiled, and whether it is."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile on first call, keep the machine code on disk, release the interpreter lock.

    No fastmath: reassociation changes decisions. `error_model="numpy"`: a division by zero gives inf or NaN as in
    NumPy, and loops with divisions can be vectorised. Serial: processes are the only axis of parallelism.
    """
    compiled = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return cast(Function, compiled)


def inline(function: Function) -> Function:
    """A small function that kernels call, compiled into each of them."""
    compiled = numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")(function)
    return cast(Function, compiled)


def is_compiled(compiled: Callable[..., Any]) -> bool:
    """Whether the kernel has machine code in this process (freshly made or loaded from the cache)."""
    return bool(cast(Any, compiled).signatures)
