"""Accounts, login sessions and API tokens. What an account may see is decided by `batches.permissions`."""
