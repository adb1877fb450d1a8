"""The engine's version: raised whenever a result may change, so that an old row is not replayed by other rules."""

ENGINE_VERSION = "1"
