"""Is the best of a batch luck? The ledger of what was tried, the luck line, and the verdict after the end."""
