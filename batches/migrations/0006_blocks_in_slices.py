"""PostgreSQL keeps blocks as they are: numbers hardly shrink, and a piece of a shrunk one costs all that is before it."""

from django.db import migrations


def keep_as_they_are(_, schema_editor):
    """Blocks that are there already stay readable."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE batches_resultchunk ALTER COLUMN block SET STORAGE EXTERNAL")


class Migration(migrations.Migration):
    dependencies = [("batches", "0005_words_in_order")]
    operations = [migrations.RunPython(keep_as_they_are, migrations.RunPython.noop)]
