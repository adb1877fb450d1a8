"""Slow twins of the kernels, written to be believed: plain Python, one idea a function, nothing from the engine."""
