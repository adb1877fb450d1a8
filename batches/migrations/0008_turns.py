from django.db import migrations, models


class Migration(migrations.Migration):
    """`turn_at` keeps its column, so that processes of the version before go on while an installation is upgraded."""

    dependencies = [("batches", "0007_price_import_channel")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField("batchsession", "queued_at", "turn_at"),
                migrations.AlterField(
                    "batchsession",
                    "turn_at",
                    models.DateTimeField(db_column="queued_at", help_text="When a worker last chose it.", null=True),
                ),
            ]
        ),
        migrations.AddField(
            "batchsession",
            "work_rate",
            models.FloatField(help_text="Bars times combinations a second of one worker, lately.", null=True),
        ),
    ]
