"""The addresses of the account pages."""

from django.urls import path

from backtester.people import views

app_name = "people"
urlpatterns = [
    path("login/", views.login, name="login"),
    path("logout/", views.logout, name="logout"),
    path("account/", views.account, name="account"),
    path("account/password/", views.password, name="password"),
    path("account/tokens/<int:token_id>/revoke", views.revoke, name="revoke"),
]
