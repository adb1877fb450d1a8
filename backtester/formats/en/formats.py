"""ISO 8601 on every page, for days of the market and moments alike, as Django's templates and admin show them.

Django's formats of a language go before the settings'. `reader-locale.js` shows moments in the reader's time zone.
"""

DATE_FORMAT = SHORT_DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = r"Y-m-d H:i \U\T\C"
TIME_FORMAT = "H:i"
