"""`manage.py doctor`: open what a browser opens, through the public address, and report what is wrong."""
