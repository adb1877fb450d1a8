"""HTTP to Django, WebSockets to routing. Nothing here knows which ASGI server runs it."""

import gc
import os
import sys

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backtester.settings")
http = get_asgi_application()  # first: it loads the apps that the imports below need

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

import backtester.urls  # noqa: E402, F401 - half a second of loading, which the first visitor would wait for
from backtester.web.origins import SameOriginOnly  # noqa: E402
from backtester.web.proxies import BehindProxies  # noqa: E402
from backtester.web.rate_limits import StreamsByAddress  # noqa: E402
from batches.live.streams import LeanStreams  # noqa: E402
from batches.routing import websocket_urlpatterns  # noqa: E402

application = BehindProxies(
    ProtocolTypeRouter(
        {
            "http": StreamsByAddress(LeanStreams(http)),
            "websocket": SameOriginOnly(StreamsByAddress(URLRouter(websocket_urlpatterns))),
        }
    )
)

# What is loaded now stays: the collector need not walk over it, nor over all watchers at every turn. Its full rounds
# were the longest waits that thousands of watchers saw: the hub says when there is one, never the collector itself.
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 2**31 - 1)

# Pages are made in threads beside the event loop. The loop lets go of the interpreter whenever it sends to a watcher,
# and a thread that computes would keep it for Python's own 5 ms each time: a second for every two hundred watchers.
sys.setswitchinterval(0.0001)
