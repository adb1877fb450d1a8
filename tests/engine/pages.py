"""The generated parts of docs/strategies.md and docs/metrics.md; `python -m tests.engine.pages` writes them."""

import pathlib

from backtester.engine import METRICS, Parameter, Strategy
from backtester.engine.strategies import BUILT_IN

DOCS = pathlib.Path(__file__).parents[2] / "docs"
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"


def strategies_part() -> str:
    return "\n\n".join(_strategy(strategy) for strategy in BUILT_IN)


def metrics_part() -> str:
    rows = ["| name | label | unit | formula | description | source |", "|---|---|---|---|---|---|"]
    for metric in METRICS:
        formula = metric.formula.replace("|", "\\|")
        cells = (f"`{metric.name}`", metric.label, metric.unit, f"`{formula}`", metric.description, metric.source)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([*rows, "", *_reasons()])


def _reasons() -> list[str]:
    """List each reason with the metrics that it can leave undefined."""
    metrics: dict[str, list[str]] = {}
    sentences = {}
    for metric in METRICS:
        for reason in metric.undefined:
            metrics.setdefault(reason.code, []).append(f"`{metric.name}`")
            sentences[reason.code] = reason.sentence
    rows = ["| reason | description | metrics |", "|---|---|---|"]
    return rows + [f"| `{code}` | {sentences[code]} | {', '.join(names)} |" for code, names in metrics.items()]


def _strategy(strategy: Strategy) -> str:
    lines = [f"### {strategy.title} (`{strategy.name}`)", "", strategy.description, ""]
    lines += ["| parameter | description | unit | default | from | to | beta |", "|---|---|---|---|---|---|---|"]
    lines += [_parameter(parameter) for parameter in strategy.parameters]
    constraints = [f"`{constraint.text}`" for constraint in strategy.constraints]
    lines += ["", f"Sides: {', '.join(strategy.directions)}."]
    if constraints:
        lines[-1] += f" Combinations that break {' or '.join(constraints)} are left out."
    if strategy.optional:
        lines[-1] += f" Optional: {', '.join(f'`{parameter.name}`' for parameter in strategy.optional)}."
    lines += [f"Source: {strategy.source}."]
    return "\n".join(lines)


def _parameter(parameter: Parameter) -> str:
    scaled = "scaled" if parameter.scaled_by_beta else ""
    numbers = " | ".join(f"{number:g}" for number in (parameter.default, parameter.minimum, parameter.maximum))
    return f"| `{parameter.name}` | {parameter.help} | {parameter.unit} | {numbers} | {scaled} |"


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
