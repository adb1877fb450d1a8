"""Daphne with back-pressure, body limits and a graceful shutdown.

The only package that uses what Daphne, Twisted and Autobahn do not document; `tests/stack/test_daphne_private_names.py`
checks each name.
"""
