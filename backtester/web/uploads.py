"""Which requests may have a large body: files of prices, on the two routes that take one."""

from collections.abc import Sequence

from django.conf import settings

PATHS = (b"/api/instruments", b"/prices/import/")
Headers = Sequence[tuple[bytes, bytes]]  # names in lower case


def may_upload(path: bytes, headers: Headers) -> bool:
    """Return whether the request may be an upload, by its head alone, before it is authenticated.

    A forged cookie makes room for a file, which is discarded with the request; a request without one has no room.
    """
    content_type = b"".join(value for name, value in headers if name == b"content-type")
    is_form = content_type.lower().startswith(b"multipart/form-data")
    is_known = settings.ACCESS_MODE == "personal" or has_credential(headers)
    return is_form and path.partition(b"?")[0] in PATHS and is_known


def has_credential(headers: Headers) -> bool:
    """Return whether there is a session cookie or a token, valid or not."""
    session = f"{settings.SESSION_COOKIE_NAME}=".encode()
    return any(
        (name == b"authorization" and value.lower().startswith(b"bearer "))
        or (name == b"cookie" and any(cookie.strip().startswith(session) for cookie in value.split(b";")))
        for name, value in headers
    )
