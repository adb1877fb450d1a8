import django.db.models.deletion
import pyarrow as pa
from django.db import migrations, models

from backtester.engine import Prices
from backtester.engine.timeframes import calendar_of


def find_calendars(apps, schema_editor):
    """Find the calendars of stored instruments, as each import does from now on."""
    Instrument = apps.get_model("batches", "Instrument")
    for instrument in Instrument.objects.select_related("series").order_by("pk").iterator(chunk_size=100):
        table = pa.ipc.open_stream(bytes(instrument.series.data)).read_all()
        dates, close = (table.column(name).to_numpy() for name in ("date", "close"))
        prices = Prices(instrument.symbol, dates.astype("datetime64[D]"), close)
        Instrument.objects.filter(pk=instrument.pk).update(calendar=calendar_of(prices))


class Migration(migrations.Migration):
    dependencies = [
        ("batches", "0012_ledger"),
    ]

    operations = [
        migrations.AddField(
            model_name="instrument",
            name="calendar",
            field=models.CharField(blank=True, help_text="The traded hours, as found from the bars.", max_length=20),
        ),
        migrations.AddField(
            model_name="priceseries",
            name="first_at",
            field=models.DateTimeField(help_text="Of bars within a day: when the first one opened.", null=True),
        ),
        migrations.AddField(
            model_name="priceseries",
            name="last_at",
            field=models.DateTimeField(help_text="Of bars within a day: when the last one opened.", null=True),
        ),
        migrations.AddField(
            model_name="priceseries",
            name="timezone",
            field=models.CharField(default="UTC", help_text="Of the days of bars within a day.", max_length=64),
        ),
        migrations.AlterField(
            model_name="priceseries",
            name="data",
            field=models.BinaryField(
                help_text="An Arrow IPC stream with the columns date, close and, where known, the others; empty: in parts."
            ),
        ),
        migrations.AlterField(
            model_name="priceseries",
            name="first_date",
            field=models.DateField(help_text="In the time zone of the exchange."),
        ),
        migrations.AlterField(
            model_name="priceseries",
            name="last_date",
            field=models.DateField(help_text="In the time zone of the exchange."),
        ),
        migrations.CreateModel(
            name="PricePart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField(help_text="From 0, the oldest first.")),
                ("n_bars", models.PositiveIntegerField()),
                ("data", models.BinaryField(help_text="An Arrow IPC stream, as of a short series.")),
                (
                    "series",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="parts", to="batches.priceseries"
                    ),
                ),
            ],
            options={
                "ordering": ["position"],
                "constraints": [models.UniqueConstraint(fields=("series", "position"), name="one_part_per_position")],
            },
        ),
        migrations.RunPython(find_calendars, migrations.RunPython.noop),
    ]
