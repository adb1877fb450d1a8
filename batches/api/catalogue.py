"""What can be swept, over what, in the wire form: made from the declarations, so that it cannot drift from them."""

from typing import Any

from backtester.engine import METRICS, STRATEGIES, Parameter, Strategy
from batches.models import Instrument
from batches.sweep.wire_names import wire_name


def strategy_entry(strategy: Strategy) -> dict[str, Any]:
    """One strategy with its parameters."""
    return {
        "name": strategy.name,
        "title": strategy.title,
        "description": strategy.description,
        "source": strategy.source,
        "directions": list(strategy.directions),
        "parameters": [
            _parameter_entry(parameter, optional=parameter in strategy.optional)
            for parameter in strategy.all_parameters
        ],
        "constraints": [constraint.text for constraint in strategy.constraints],
    }


def _parameter_entry(parameter: Parameter, *, optional: bool) -> dict[str, Any]:
    return {
        "name": wire_name(parameter.name),
        "label": parameter.label,
        "kind": parameter.kind,
        "unit": parameter.unit,
        "default": parameter.default,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "help": parameter.help,
        "scaledByBeta": parameter.scaled_by_beta,
        "optional": optional,
        "suggested": dict(parameter.suggested),
    }


def catalogue() -> dict[str, Any]:
    """All strategies and all metrics."""
    return {
        "strategies": [strategy_entry(strategy) for strategy in STRATEGIES.values()],
        "metrics": [
            {
                "name": wire_name(metric.name),
                "label": metric.label,
                "unit": metric.unit,
                "formula": metric.formula,
                "source": metric.source,
                "description": metric.description,
                "higherIsBetter": metric.higher_is_better,
            }
            for metric in METRICS
        ],
    }


def instrument_entry(instrument: Instrument) -> dict[str, Any]:
    """One instrument; `beta` is the one that is used over the whole series, `manualBeta` the one stored by hand."""
    return {
        "symbol": instrument.symbol,
        "name": instrument.name,
        "kind": "ohlc" if instrument.series.has_ohlc else "close",
        "firstDate": instrument.series.first_date.isoformat(),
        "lastDate": instrument.series.last_date.isoformat(),
        "bars": instrument.series.n_bars,
        "source": instrument.series.source,
        "beta": instrument.beta if instrument.manual_beta is None else instrument.manual_beta,
        "manualBeta": instrument.manual_beta,
        "groups": [group.name for group in instrument.groups.all()],
        "gaps": instrument.gaps,
        "updatedAt": instrument.updated_at.isoformat(),
    }
