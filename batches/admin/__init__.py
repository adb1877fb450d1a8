"""The admin: view and control batches, view instruments and set their manual betas."""

from batches.admin import prices, sessions

__all__ = ["prices", "sessions"]
