"""What counts as a tie, so that rounding decides nothing."""

TIE = 1e-10
ZERO = 1e-12  # a return, a drawdown, and a profit as a part of the cash before the trade


def loss(r):
    return r if r < -ZERO else 0.0


def profit(cash, before):
    return 0.0 if abs(cash - before) <= ZERO * before else cash - before


def above(x, y):
    return x is not None and y is not None and x > y * (1 + TIE)


def reached_down(price, level):
    """A level met exactly counts as reached."""
    return price <= level * (1 + TIE)


def reached_up(price, level):
    return price >= level * (1 - TIE)
