"""What counts as a tie, so that rounding decides nothing."""

TIE = 1e-10


def above(x, y):
    return x is not None and y is not None and x > y * (1 + TIE)


def reached_down(price, level):
    """A level met exactly counts as reached."""
    return price <= level * (1 + TIE)


def reached_up(price, level):
    return price >= level * (1 - TIE)
