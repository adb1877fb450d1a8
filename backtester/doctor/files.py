"""What other users of this machine can read: session keys and password hashes are in the database."""

from collections import defaultdict
from pathlib import Path

PRIVATE = ("secret_key", "logs", "run")
FOR_OTHERS = 0o077


def readable_files(data_dir: Path, database: Path | None) -> list[str]:
    """Return a finding for each folder whose private files are open to other users.

    database : the SQLite file, None for a server
    """
    paths = [data_dir / name for name in PRIVATE]
    if database is not None:
        paths += [database, *(database.with_name(database.name + suffix) for suffix in ("-wal", "-shm"))]
    open_names = defaultdict[Path, list[str]](list)
    for path in paths:
        if path.exists() and _mode(path) & FOR_OTHERS and _mode(path.parent) & FOR_OTHERS:
            open_names[path.parent].append(path.name)
    return [
        f"Other users of this machine can read {', '.join(names)} in {folder}: chmod 700 {folder}"
        for folder, names in open_names.items()
    ]


def _mode(path: Path) -> int:
    return path.stat().st_mode
