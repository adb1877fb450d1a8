"""Lines over an axis, as a small SVG that reads well on light and dark pages."""

from html import escape

WIDTH, HEIGHT = 760, 320
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 14, 40
COLOURS = ("#2468dd", "#12875f", "#b3541e", "#7a5cc0")
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#555}path{fill:none;stroke-width:1.5}.grid{stroke:#8886;stroke-width:1}"
    "@media (prefers-color-scheme:dark){text{fill:#bbb}}"
)


def figure(at: list[int], lines: list[list[float]], legend: list[str], along: str, up: str) -> str:
    """The SVG. at : what is along; lines : one value for each of them, for each line, from zero up."""
    top = rounded_up(max(map(max, lines)))

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * value / at[-1]

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top

    parts = [f'<path class="grid" d="M{LEFT} {y(v):.1f}H{WIDTH - RIGHT}"/>' for v in quarters(top)]
    parts += [f'<text x="{LEFT - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{v:g}</text>' for v in quarters(top)]
    parts += [f'<text x="{x(v):.1f}" y="{HEIGHT - 22}" text-anchor="middle">{v:,.0f}</text>' for v in quarters(at[-1])]
    parts += [f'<text x="{WIDTH / 2}" y="{HEIGHT - 5}" text-anchor="middle">{escape(along)}</text>']
    parts += [f'<text x="4" y="{TOP}">{escape(up)}</text>']
    for number, (values, words) in enumerate(zip(lines, legend, strict=True)):
        points = "L".join(f"{x(a):.1f} {y(v):.1f}" for a, v in zip(at, values, strict=True))
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<path d="M{points}" stroke="{colour}"/>')
        parts.append(
            f'<text x="{LEFT + 12}" y="{TOP + 16 * (number + 1)}" style="fill:{colour}">{escape(words)}</text>'
        )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    return f"{head}<style>{STYLE}</style>{''.join(parts)}</svg>\n"


def quarters(top: float) -> list[float]:
    """Five marks from zero to the top."""
    return [top * part / 4 for part in range(5)]


def rounded_up(value: float) -> float:
    """The next number that reads well on an axis of four parts."""
    step: int = 10 ** (len(str(int(value))) - 1)
    return next(step * part for part in (1, 2, 4, 6, 8, 10, 20) if step * part >= value)
