"""The generated parts of the engine's documentation; `python -m tests.engine.pages` writes them into the pages."""

import pathlib

from backtester.engine import METRICS, Parameter, Strategy
from backtester.engine.strategies import BUILT_IN

DOCS = pathlib.Path(__file__).parents[2] / "docs"
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"


def strategies_part() -> str:
    return "\n\n".join(_strategy(each) for each in BUILT_IN)


def metrics_part() -> str:
    rows = ["| name | label | unit | formula | what it says | source |", "|---|---|---|---|---|---|"]
    for each in METRICS:
        formula = each.formula.replace("|", "\\|")
        rows.append(
            f"| `{each.name}` | {each.label} | {each.unit} | `{formula}` | {each.description} | {each.source} |"
        )
    return "\n".join([*rows, "", *_reasons()])


def _reasons() -> list[str]:
    """Each reason with the metrics that it can take away."""
    metrics: dict[str, list[str]] = {}
    sentences = {}
    for metric in METRICS:
        for reason in metric.undefined:
            metrics.setdefault(reason.code, []).append(f"`{metric.name}`")
            sentences[reason.code] = reason.sentence
    rows = ["| undefined because | in words | metrics |", "|---|---|---|"]
    return rows + [f"| `{code}` | {sentences[code]} | {', '.join(names)} |" for code, names in metrics.items()]


def _strategy(strategy: Strategy) -> str:
    lines = [f"### {strategy.title} (`{strategy.name}`)", "", strategy.description, ""]
    lines += ["| parameter | what it is | unit | default | from | to | beta |", "|---|---|---|---|---|---|---|"]
    lines += [_parameter(each) for each in strategy.parameters]
    needs = [f"`{each.text}`" for each in strategy.constraints]
    lines += ["", f"Sides: {', '.join(strategy.directions)}."]
    if needs:
        lines[-1] += f" Combinations without {' and '.join(needs)} are left out."
    if strategy.optional:
        lines[-1] += f" Optional: {', '.join(f'`{each.name}`' for each in strategy.optional)}."
    lines += [f"Source: {strategy.source}."]
    return "\n".join(lines)


def _parameter(each: Parameter) -> str:
    scaled = "scaled" if each.scaled_by_beta else ""
    numbers = " | ".join(f"{number:g}" for number in (each.default, each.minimum, each.maximum))
    return f"| `{each.name}` | {each.help} | {each.unit} | {numbers} | {scaled} |"


def generated_part(page: str) -> str:
    return page.partition(BEGIN)[2].partition(END)[0].strip()


def main() -> None:
    for name, part in (("strategies.md", strategies_part()), ("metrics.md", metrics_part())):
        path = DOCS / name
        page = path.read_text(encoding="utf-8")
        before, after = page.partition(BEGIN)[0], page.partition(END)[2]
        path.write_text(f"{before}{BEGIN}\n\n{part}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
