"""The engine's version. Raise it whenever a result may change: an old row is replayed only by its own version."""

ENGINE_VERSION = "5"
