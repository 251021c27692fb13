"""The account pages: registration, login and logout, profile, password and deletion."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model, login, logout, views
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db import IntegrityError, router, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView, UpdateView

from signal_log import may_see_events
from users import throttle
from users.forms import (
    TOO_MANY_RESETS,
    ChangePasswordForm,
    DeleteAccountForm,
    LogInForm,
    ProfileForm,
    RegistrationForm,
    ResetForm,
)
from users.models import Profile
from users.signals import ensure_profile


class RedirectHomeMixin(views.RedirectURLMixin):
    """Redirects to ``next`` if it is on this site, else to the live page or, without permission, the profile."""

    request: HttpRequest

    def get_default_redirect_url(self) -> str:
        return reverse("signal_log:live" if may_see_events(self.request.user) else "users:profile")


class OwnTransactionMixin:
    """Takes the page out of ``ATOMIC_REQUESTS``; what it writes, it writes in a block of its own.

    A transaction around the whole request would hold SQLite's write lock while a password is checked or a mail is
    sent, and make readers wait for writers.
    """

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        return transaction.non_atomic_requests(super().as_view(**initkwargs))  # type: ignore[misc]


class FocusMixin:
    """Focuses the first field or, after errors, their summary at the top of the page."""

    def get_form(self, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(*args, **kwargs)  # type: ignore[misc]
        for position, field in enumerate(form.fields.values()):
            field.widget.attrs["autofocus"] = position == 0 and not form.is_bound
        return form


class LimitedMixin:
    """Answers 429 where the form has refused an attempt unseen."""

    def form_invalid(self, form: Any) -> HttpResponse:
        return throttle.answered(super().form_invalid(form), form.wait)  # type: ignore[misc]


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class RegisterView(OwnTransactionMixin, FocusMixin, RedirectHomeMixin, FormView):
    """Create an account and its profile in one transaction, then log in."""

    form_class = RegistrationForm
    template_name = "users/register.html"
    wait = 0

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated:
            return HttpResponseRedirect(self.get_default_redirect_url())
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        address = throttle.network(request)
        self.wait = throttle.too_many("register_from_address", address) if address else 0
        return throttle.answered(super().post(request, *args, **kwargs), self.wait)

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"wait": self.wait}

    def form_valid(self, form: RegistrationForm) -> HttpResponse:
        user = form.save(commit=False)  # hashes the password, which takes long, before the transaction begins
        try:
            with transaction.atomic():
                user.save()
        except IntegrityError:
            if not _is_taken(form.cleaned_data["username"]):
                raise
            form.username_was_taken()
            return self.form_invalid(form)
        with transaction.atomic():  # of its own: in the log, nobody known registers, and then the new user logs in
            login(self.request, user)
        messages.success(self.request, f"Welcome, {user.first_name or user.get_username()}. This is your profile.")
        return super().form_valid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"next": self.get_redirect_url()}


class LoginView(LimitedMixin, OwnTransactionMixin, FocusMixin, RedirectHomeMixin, views.LoginView):
    """Log in."""

    form_class = LogInForm
    template_name = "users/login.html"
    redirect_authenticated_user = True

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        return super().form_valid(form)


class LogoutView(OwnTransactionMixin, views.LogoutView):
    """Log out (POST only), with a confirmation message."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().post(request, *args, **kwargs)
        messages.success(request, "You have been logged out.")
        return response


@method_decorator(never_cache, name="dispatch")
class ProfileView(OwnTransactionMixin, LoginRequiredMixin, UpdateView):
    """The user's own profile, with its edit form."""

    form_class = ProfileForm
    template_name = "users/profile.html"
    success_url = reverse_lazy("users:profile")

    def get_object(self, queryset: Any = None) -> Profile:
        # A profile that is missing or behind its user (after a kill, update() or raw SQL) is repaired by the visit.
        profile, _ = ensure_profile(self.request.user.pk, router.db_for_write(Profile))
        if profile is None:  # deleted after the session was read
            raise Http404
        return profile

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        messages.success(self.request, "Your profile has been saved.")
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        # The saved profile, shown next to the form's unsaved input.
        saved = self.object if not kwargs.get("form") else Profile._base_manager.get(pk=self.object.pk)
        return super().get_context_data(**kwargs) | {"saved": saved}


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class DeleteView(LimitedMixin, OwnTransactionMixin, FocusMixin, LoginRequiredMixin, FormView):
    """Delete the user's own account and profile, after confirming the password."""

    form_class = DeleteAccountForm
    template_name = "users/delete.html"
    success_url = reverse_lazy("users:login")

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.request.user}

    def form_valid(self, form: DeleteAccountForm) -> HttpResponse:
        # Not request.user itself: the log takes the actor from it, and a deleted instance loses its pk.
        user = get_object_or_404(get_user_model()._base_manager, pk=self.request.user.pk)
        user.delete()
        logout(self.request)
        messages.success(self.request, f"The account {user.get_username()} and its profile have been deleted.")
        return super().form_valid(form)


@method_decorator(never_cache, name="dispatch")
class PasswordChangeView(LimitedMixin, OwnTransactionMixin, FocusMixin, views.PasswordChangeView):
    """Change the password, which ends the account's other sessions."""

    form_class = ChangePasswordForm
    template_name = "users/password_change.html"
    success_url = reverse_lazy("users:password_change_done")

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        return super().form_valid(form)


@method_decorator(never_cache, name="dispatch")
class PasswordChangeDoneView(OwnTransactionMixin, views.PasswordChangeDoneView):
    """Confirm the change."""

    template_name = "users/password_change_done.html"


class PasswordResetView(OwnTransactionMixin, FocusMixin, views.PasswordResetView):
    """Request a reset link by mail; the response is the same whether or not the account exists."""

    form_class = ResetForm
    template_name = "users/password_reset.html"
    email_template_name = "users/mail/password_reset.txt"
    subject_template_name = "users/mail/password_reset_subject.txt"
    success_url = reverse_lazy("users:password_reset_done")

    def form_valid(self, form: Any) -> HttpResponse:
        address = throttle.network(self.request)
        if address and (wait := throttle.too_many("reset_from_address", address)):
            form.add_error(None, TOO_MANY_RESETS % throttle.duration(wait))
            form.wait = wait
            return throttle.answered(self.form_invalid(form), wait)
        if throttle.too_many("reset_to_mailbox", form.cleaned_data["email"].casefold()):
            return HttpResponseRedirect(str(self.success_url))  # as if: nobody's mailbox is filled
        self.extra_email_context = {"site_url": settings.SITE_URL or self.request.build_absolute_uri("/").rstrip("/")}
        return super().form_valid(form)


class PasswordResetDoneView(OwnTransactionMixin, views.PasswordResetDoneView):
    """Confirm that the mail was sent."""

    template_name = "users/password_reset_done.html"


class PasswordResetConfirmView(OwnTransactionMixin, FocusMixin, views.PasswordResetConfirmView):
    """Set a new password through the mailed link, or report that the link is no longer valid."""

    template_name = "users/password_reset_confirm.html"
    success_url = reverse_lazy("users:password_reset_complete")

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        return super().form_valid(form)


class PasswordResetCompleteView(OwnTransactionMixin, views.PasswordResetCompleteView):
    """Confirm the new password."""

    template_name = "users/password_reset_complete.html"


def _is_taken(username: str) -> bool:
    user_model = get_user_model()
    return user_model._base_manager.filter(**{user_model.USERNAME_FIELD: username}).exists()
