"""The admin: look at batches, steer them; look at instruments, set a beta by hand."""

from batches.admin import prices, sessions

__all__ = ["prices", "sessions"]
