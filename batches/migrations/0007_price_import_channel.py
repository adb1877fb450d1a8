"""Rename `door` to `channel` in Python; the column keeps its name."""

from django.db import migrations, models

CHOICES = [("page", "Page"), ("api", "Api"), ("command", "Command")]


class Migration(migrations.Migration):
    dependencies = [("batches", "0006_blocks_in_slices")]
    operations = [
        migrations.AlterField("priceimport", "door", models.CharField(max_length=8, choices=CHOICES, db_column="door")),
        migrations.RenameField("priceimport", "door", "channel"),
    ]
