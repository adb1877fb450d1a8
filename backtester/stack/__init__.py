"""The supervisor behind `manage.py runstack`: starts the parts of the product, restarts and stops them."""
