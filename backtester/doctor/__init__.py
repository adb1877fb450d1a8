"""`manage.py doctor`: opens what a browser would open, through the public address, and says what is wrong."""
