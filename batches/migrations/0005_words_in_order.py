import django.utils.timezone
from django.db import migrations, models


def date(apps, schema_editor):
    """The words of a batch are as old as the batch."""
    session_model, words_model = apps.get_model("batches", "BatchSession"), apps.get_model("batches", "BatchWords")
    own = session_model.objects.filter(pk=models.OuterRef("pk"))
    words_model.objects.update(created_at=models.Subquery(own.values("created_at")))


class Migration(migrations.Migration):
    dependencies = [("batches", "0004_owners_and_their_quotas")]

    operations = [
        migrations.AddField(
            model_name="batchwords",
            name="created_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now,
                help_text="The session's own, so that a search reads the newest first.",
            ),
            preserve_default=False,
        ),
        migrations.RunPython(date, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="batchwords",
            index=models.Index(fields=["-created_at"], name="words_newest"),
        ),
    ]
