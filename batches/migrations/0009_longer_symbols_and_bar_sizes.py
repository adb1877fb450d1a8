import numpy as np
import pyarrow as pa
from django.db import migrations, models

from backtester.engine.bar_sizes import bar_days, periods_per_year


def measure(apps, schema_editor):
    """Find the bar sizes of stored instruments, as each import does from now on."""
    Instrument = apps.get_model("batches", "Instrument")
    for instrument in Instrument.objects.select_related("series").order_by("pk").iterator(chunk_size=100):
        table = pa.ipc.open_stream(bytes(instrument.series.data)).read_all()
        days = table.column("date").to_numpy().astype("datetime64[D]").astype(np.int64)
        Instrument.objects.filter(pk=instrument.pk).update(
            bar_days=bar_days(days), periods_per_year=periods_per_year(days)
        )


def group_the_sample(apps, schema_editor):
    """The form opens with the group of the sample prices, which `make run` creates from now on."""
    sample = apps.get_model("batches", "Instrument").objects.filter(series__source__startswith="sample: ")
    if sample:
        group, _ = apps.get_model("batches", "InstrumentGroup").objects.get_or_create(name="Sample")
        group.instruments.add(*sample)


class Migration(migrations.Migration):
    dependencies = [("batches", "0008_turns")]

    operations = [
        migrations.AlterField("priceseries", "symbol", models.CharField(max_length=64)),
        migrations.AlterField("instrument", "symbol", models.CharField(max_length=64, unique=True)),
        migrations.AddField(
            "instrument",
            "bar_days",
            models.FloatField(null=True, default=1.0, help_text="Length of a bar; null if the bars are irregular."),
        ),
        migrations.AddField(
            "instrument",
            "periods_per_year",
            models.FloatField(default=252.0, help_text="Bars a year, which annualizes the metrics."),
        ),
        migrations.RunPython(measure, migrations.RunPython.noop),
        migrations.RunPython(group_the_sample, migrations.RunPython.noop),
    ]
