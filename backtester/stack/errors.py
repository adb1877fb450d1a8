"""The error of the stack."""


class StackError(Exception):
    """The stack cannot start. The message says why and what to do; it is printed without a traceback."""
