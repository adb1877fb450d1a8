"""What counts as a tie, so that rounding decides nothing."""

TIE = 1e-10
ZERO = 1e-12  # a return, a drawdown; of the cash before a trade its profit; of the cash beside a position the equity


def loss(r):
    return r if r < -ZERO else 0.0


def profit(cash, before):
    return 0.0 if abs(cash - before) <= ZERO * before else cash - before


def equity_of(cash, value):
    """What a position of a value and the cash beside it are worth together; a short may owe all that cash."""
    return cash + value if cash + value > ZERO * cash else 0.0


def above(x, y):
    return x is not None and y is not None and x > y * (1 + TIE)


def reached_down(price, level):
    """A level met exactly counts as reached."""
    return price <= level * (1 + TIE)


def reached_up(price, level):
    return price >= level * (1 - TIE)
