"""The URLs of the site."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from backtester.accounts.views import login
from backtester.web.error_pages import not_found, server_error
from backtester.web.health import healthz, readyz
from backtester.web.metrics import metrics
from batches.api import api
from batches.live.streams import batch_stream

handler404 = not_found
handler500 = server_error
ICON = lazy(static, str)("batches/icon-running.svg")
urlpatterns = [
    path("favicon.ico", RedirectView.as_view(url=ICON)),  # browsers ask for it beside JSON
    path("api/backtest/batch/stream", batch_stream, name="stream"),
    path("api/", api.urls),
    path("admin/login/", login),  # one login for all, with one throttle
    path("admin/", admin.site.urls),
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    path("", include("backtester.accounts.urls")),
    path("", include("batches.urls")),
]
