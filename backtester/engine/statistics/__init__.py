"""Is the best of many tests luck? Pure functions over Sharpe ratios and sums of returns."""
