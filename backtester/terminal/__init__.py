"""What the commands `run_batch`, `watch_batch`, `export_results` and `compare` do. It needs the extra `terminal`."""

import sys

try:
    import rich  # noqa: F401

    import backtester.client  # noqa: F401
except ModuleNotFoundError as error:
    if error.name not in {"rich", "httpx", "websockets"}:
        raise
    sys.exit(
        f"error: this command needs {error.name}: install the extra `terminal`, as in pip install -e '.[terminal]'."
    )
