"""Arrays of results, in which undefined values are NaN."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def mean(values: Floats) -> float | None:
    """Return the mean of the defined values."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None
