"""The API's description. `schemas.py` and its like check in our own words; tests hold the two against each other."""
