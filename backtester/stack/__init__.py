"""The whole product as one foreground job: what `manage.py runstack` starts, watches, and takes down again."""
