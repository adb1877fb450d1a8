"""What can keep the stack from starting, in words for the person at the terminal."""


class StackError(Exception):
    """Says what is wrong and what to do; shown without a traceback."""
