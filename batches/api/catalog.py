"""Strategies, metrics and instruments as the API shows them."""

from backtester.engine import METRICS, STRATEGIES
from backtester.engine import Parameter as EngineParameter
from backtester.engine import Strategy as EngineStrategy
from batches import models
from batches.api.schemas.market import Instrument, Metric, Parameter, Strategies, Strategy
from batches.sweep.wire_names import wire_name
from batches.validators import wire_limit


def catalog() -> Strategies:
    return {
        "success": True,
        "strategies": [strategy_entry(strategy) for strategy in STRATEGIES.values()],
        "metrics": [
            Metric(
                name=wire_name(metric.name),
                label=metric.label,
                unit=metric.unit,
                formula=metric.formula,
                source=metric.source,
                description=metric.description,
                higherIsBetter=metric.higher_is_better,
            )
            for metric in METRICS
        ],
    }


def strategy_entry(strategy: EngineStrategy) -> Strategy:
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


def _parameter_entry(parameter: EngineParameter, *, optional: bool) -> Parameter:
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


def instrument_entry(instrument: models.Instrument) -> Instrument:
    """Return one instrument; its `beta` is the manual one where there is one."""
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
        "barSeconds": instrument.bar_seconds,
        "timezone": instrument.series.timezone,
        "calendar": instrument.calendar,
        "firstAt": wire_limit(instrument.series.first_at or instrument.series.first_date),
        "lastAt": wire_limit(instrument.series.last_at or instrument.series.last_date),
        "periodsPerYear": instrument.periods_per_year,
        "gaps": instrument.gaps,
        "archived": instrument.is_archived,
        "updatedAt": instrument.updated_at.isoformat(),
    }
