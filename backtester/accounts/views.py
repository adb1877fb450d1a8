"""Login, logout, and the account page with its API tokens."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from backtester.accounts.devices import remember
from backtester.accounts.forms import LoginForm, TokenForm
from backtester.accounts.models import Token
from backtester.accounts.throttle import hashed, wait_seconds
from backtester.accounts.tokens import create_token


class Login(LoginView):
    template_name = "accounts/login.html"
    authentication_form = LoginForm

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        remember(self.request, response, hashed(form.cleaned_data["username"]))
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Answer with 429 after too many attempts."""
        response = super().form_invalid(form)
        if wait_s := wait_seconds(self.request):
            response.status_code = 429
            response["Retry-After"] = str(wait_s)
        return response


class Password(PasswordChangeView):
    """Changes the password, which ends the account's other login sessions."""

    template_name = "accounts/password.html"
    success_url = reverse_lazy("accounts:account")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        messages.success(self.request, "Password changed. Other browsers have to log in again.")
        return super().form_valid(form)


login, logout, password = Login.as_view(), LogoutView.as_view(), Password.as_view()


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """A POST creates a token; its response is the only one that shows the secret."""
    user, secret = _user(request), ""
    form = TokenForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        _, secret = create_token(user, form.cleaned_data["name"])
        form = TokenForm(user=user)
    context = {"form": form, "secret": secret, "tokens": user.tokens.all(), "roles": user.groups.order_by("name")}
    return render(request, "accounts/account.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """Streams that were opened with the token end within half a minute."""
    token = get_object_or_404(Token, pk=token_id, user=_user(request))
    token.delete()
    messages.success(request, f"Token {token.name!r} revoked.")
    return redirect("accounts:account")


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # `login_required`
    return request.user
