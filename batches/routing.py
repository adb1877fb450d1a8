"""WebSocket paths. An unknown path is answered like an unknown batch: with a typed error and a close code."""

from django.urls import path, re_path

from batches.live.websocket import watch

urlpatterns = [  # Channels routes to ASGI applications where Django has views
    path("ws/backtest/batch/<str:session_id>/", watch, name="websocket"),  # type: ignore[arg-type]
    re_path(r"", watch),  # type: ignore[arg-type]
]
