"""`manage.py load_sample`: daily closes of 20 shares, and synthetic bars of one minute."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from backtester.stack.preparation import SAMPLE_ARGUMENTS
from batches.models import Instrument, PriceImport
from batches.prices import synthetic
from batches.prices.importing import Origin, import_prices
from batches.prices.merging import OnOverlap


class Command(BaseCommand):
    help = "Load the sample prices: daily closes of 20 shares and an index, and synthetic bars of one minute."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **_: Any) -> None:
        origin = Origin("synthetic minutes", 0, PriceImport.Channel.COMMAND, synthetic.SOURCE)
        report = import_prices(synthetic.minute_bars(), origin, on_overlap=OnOverlap.REPLACE)
        Instrument.objects.filter(symbol=synthetic.SYMBOL, name="").update(name=synthetic.NAME)
        self.stdout.write(f"    {synthetic.SYMBOL}: {report}")
        call_command("load_prices", *SAMPLE_ARGUMENTS, stdout=self.stdout)
