"""Batches from the terminal: what the commands `run_batch`, `watch_batch`, `export_results` and `compare` do."""
