"""The ASGI application: HTTP to Django, WebSockets to `batches.routing`. It runs on any ASGI server."""

import gc
import os
import sys

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backtester.settings")
http = get_asgi_application()  # first: it loads the apps that the imports below need

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

import backtester.urls  # noqa: E402, F401 - takes half a second, which the first visitor would wait for
from backtester.web.concurrency import limited  # noqa: E402
from backtester.web.origins import SameOriginOnly  # noqa: E402
from backtester.web.proxies import BehindProxies  # noqa: E402
from backtester.web.rate_limits import StreamsByAddress  # noqa: E402
from batches.live.streams import LeanStreams  # noqa: E402
from batches.ops.memory import freeze, use_one_allocator  # noqa: E402
from batches.routing import urlpatterns  # noqa: E402

application = BehindProxies(
    ProtocolTypeRouter(
        {
            "http": StreamsByAddress(LeanStreams(limited(http))),
            "websocket": SameOriginOnly(StreamsByAddress(URLRouter(urlpatterns))),
        }
    )
)

use_one_allocator()
# All that is loaded now stays, so the garbage collector need not walk over it. Its full collections, over thousands of
# watchers, were the longest delays of events: the hub starts them (`batches.live.garbage`), never the collector itself.
freeze()
gc.set_threshold(50_000, 20, 2**31 - 1)

# Pages are computed in threads beside the event loop. The loop releases the interpreter at each send, and a computing
# thread would keep it for Python's default of 5 ms each time: a second for two hundred watchers.
sys.setswitchinterval(0.0001)
