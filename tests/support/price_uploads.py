"""A file of prices, sent from the page of prices."""

from django.core.files.uploadedfile import SimpleUploadedFile

LONG = "symbol,date,close\nACME,2020-01-03,11\nACME,2020-01-02,10\nBOLT,2020-01-02,20\n"
PRICES = "/prices/"


def send(client, content, name="prices.csv", **more):
    data = content if isinstance(content, bytes) else content.encode()
    return client.post(f"{PRICES}import/", {"file": SimpleUploadedFile(name, data), "source": "a friend"}, **more)
