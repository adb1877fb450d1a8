from django.urls import path

from backtester.accounts import views

app_name = "accounts"
urlpatterns = [
    path("login/", views.login, name="login"),
    path("logout/", views.logout, name="logout"),
    path("account/", views.account, name="account"),
    path("account/password/", views.password, name="password"),
    path("account/tokens/<int:token_id>/revoke", views.revoke, name="revoke"),
]
