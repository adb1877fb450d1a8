"""Addresses for watching a batch, which Django's URLconf cannot reverse by itself."""

import uuid

from django.urls import reverse


def stream_address(session_id: uuid.UUID) -> str:
    return f"{reverse('stream')}?sessionId={session_id}"


def websocket_address(session_id: uuid.UUID) -> str:
    """Reverse the path in Channels' routing, which is separate from Django's URLconf."""
    return reverse("websocket", args=[session_id], urlconf="batches.routing")
