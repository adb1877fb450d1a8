"""Django on an empty folder, and without Redis: imported first by what measures the app alone, in one process."""

import os
import tempfile

FOLDER = tempfile.TemporaryDirectory()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backtester.settings")
os.environ["DATA_DIR"] = FOLDER.name
os.environ["REDIS_URL"] = f"unix://{FOLDER.name}/nobody.sock"

import django  # noqa: E402

django.setup()
