"""WebSocket paths. A path that does not exist is answered like an unknown batch: a typed error and a close code."""

from django.urls import path, re_path

from batches.live.consumers import BatchConsumer

websocket_urlpatterns = [
    path("ws/backtest/batch/<str:session_id>/", BatchConsumer.as_asgi()),
    re_path(r"", BatchConsumer.as_asgi()),
]
