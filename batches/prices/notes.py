"""What was done to read the bars, as sentences for the reader to check."""

from dataclasses import dataclass, field

from batches.formatting import bar_size, shortened

MOST_NAMES = 5


def _counted(count: int, singular: str, plural: str) -> str:
    return f"1 {singular}" if count == 1 else f"{count:,} {plural}"


@dataclass
class Notes:
    """Counts, and the first of each. unsorted, jump, empty, twice, flat : the first of them"""

    decimal_comma: bool = False
    period: str = ""  # that the file has in place of days
    unsorted: str = ""
    adjusted: bool = False
    n_bars: int = 0
    n_days: int = 0
    n_within_day: int = 0
    timezone: str = ""  # of bars within a day
    bar_days: float = 0.0  # the usual distance between bars of a day
    jump: str = ""
    n_jumps: int = 0
    empty: str = ""
    n_empty: int = 0
    twice: str = ""
    n_twice: int = 0
    flat: str = ""
    n_flat: int = 0
    n_unknown_volumes: int = 0
    empty_columns: list[str] = field(default_factory=list)
    date_columns: list[str] = field(default_factory=list)
    bad_symbols: list[str] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)

    def sentences(self) -> tuple[str, ...]:
        sentences = [*self._left_out()]
        if self.decimal_comma:
            sentences.append("Numbers are read with a decimal comma.")
        if self.period:
            sentences.append(f"Each bar is dated by the last day of its {self.period}.")
        if self.unsorted:
            sentences.append(f"Rows are not sorted by date: {self.unsorted} is older than the row before it.")
        if self.adjusted:
            sentences.append("Bars are scaled to the adjusted close, which accounts for splits and dividends.")
        if self.n_bars > self.n_days:
            days = _counted(self.n_days, "daily bar", "daily bars")
            sentences.append(f"Days with several bars: {self.n_bars:,} bars are combined into {days}.")
        if self.n_within_day:
            sentences.append(f"A bar of the file is usually {bar_size(self.bar_days)}.")
            sentences.append(f"Times are when a bar opens, and days are those of {self.timezone}.")
        if self.n_unknown_volumes:
            bars = _counted(self.n_unknown_volumes, "bar", "bars")
            sentences.append(f"The volume of {bars} is unknown.")
        if self.n_flat:
            bars = _counted(self.n_flat, "flat bar without volume is", "flat bars without volume are")
            sentences.append(f"{bars} on a weekend, starting with {self.flat}: was the market open?")
        if self.n_jumps:
            more = f", and {self.n_jumps - 1:,} more" if self.n_jumps > 1 else ""
            sentences.append(
                f"A close halves or doubles in one bar: {self.jump}{more}. Are prices adjusted for splits?"
            )
        return tuple(sentences)

    def _left_out(self) -> list[str]:
        sentences = []
        if self.n_empty:
            rows = _counted(self.n_empty, "row without any price is", "rows without any price are")
            sentences.append(f"{rows} left out, as a day without a bar, starting with {self.empty}.")
        if self.n_twice:
            rows = _counted(self.n_twice, "row is an exact copy", "rows are exact copies")
            sentences.append(f"{rows} of another and left out, starting with {self.twice}.")
        if self.empty_columns:
            sentences.append(
                f"No prices are in the columns of {shortened(self.empty_columns, MOST_NAMES)}, which are left out."
            )
        if self.date_columns:
            sentences.append(f"Dates, not prices, are in {shortened(self.date_columns, MOST_NAMES)}: left out.")
        if self.bad_symbols:
            sentences.append(f"Left out, because these cannot be symbols: {shortened(self.bad_symbols, MOST_NAMES)}.")
        left_out = [old for old, new in self.renamed if not new]
        renamed = [f"{old} as {new}" for old, new in self.renamed if new]
        if left_out:
            sentences.append(f"Symbols left out: {shortened(left_out, MOST_NAMES)}.")
        if renamed:
            sentences.append(f"Symbols renamed: {shortened(renamed, MOST_NAMES)}.")
        return sentences
