"""Types of the arrays that the engine passes around. Docstrings give their shapes and units."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Words = NDArray[np.uint64]  # one bit a bar, 64 bars a word
Days = NDArray[np.datetime64]
Values = NDArray[Any]  # values of one parameter: float64[n] or int64[n], by its kind
