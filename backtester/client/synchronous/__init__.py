# Generated from backtester/client/asynchronous/__init__.py: edit that, then run `python -m tests.client.generate`.
