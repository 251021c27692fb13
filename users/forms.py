"""The account forms: registration, profile and deletion, with their validation messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import (
    AuthenticationForm,
    BaseUserCreationForm,
    PasswordChangeForm,
    PasswordResetForm,
    UserCreationForm,
)
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.forms.utils import ErrorDict
from django.template.loader import render_to_string

from users.mail import deliver_later
from users.models import Profile
from users.names import check_name, in_order
from users.throttle import Limit, LogIn, duration

USERNAME_TAKEN = "This username is taken. Choose another."
TOO_MANY_LOG_INS = "Too many failed attempts to log in. Try again in %s."
TOO_MANY_REGISTRATIONS = "Too many registrations from your network. Try again in %s."
TOO_MANY_WRONG_PASSWORDS = "Too many wrong passwords. Try again in %s."
TOO_MANY_RESETS = "Too many requests from your network. Try again in %s."


class RegistrationForm(UserCreationForm):
    """Username, first name, email and password twice; saving creates the user, whose signal creates the profile.

    Several accounts may have one address. A form that refused a known one would tell every stranger who has an account
    here; so would one that pretended, as soon as the stranger tried to log in. The owner of the address gets a mail.
    """

    class Meta(BaseUserCreationForm.Meta):
        fields = ("username", "first_name", "email")
        error_messages: ClassVar = {"username": {"unique": USERNAME_TAKEN}}
        help_texts: ClassVar = {
            "username": "Letters, digits and @ . + - _ only.",
            "email": "For your welcome email and password resets. Only administrators can see it.",
        }
        widgets: ClassVar = {
            "first_name": forms.TextInput({"autocomplete": "given-name"}),
            "email": forms.EmailInput({"autocomplete": "email", "spellcheck": "false"}),
        }

    def __init__(self, *args: Any, wait: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wait = wait
        username = self.fields["username"]
        username.validators = [in_order(check_name, *username.validators)]
        self.fields["email"].required = True
        self.fields["password2"].label = "Repeat password"
        self.fields["password2"].help_text = ""

    def full_clean(self) -> None:
        """Look at nothing, which would tell whether the username is taken, while there is something to wait for."""
        if not self.wait:
            super().full_clean()
            return
        self._errors = ErrorDict()
        self.cleaned_data = {}
        self.add_error(None, ValidationError(TOO_MANY_REGISTRATIONS % duration(self.wait), code="throttled"))

    def clean_email(self) -> str:
        return get_user_model().objects.normalize_email(self.cleaned_data["email"])

    def username_was_taken(self) -> None:
        """Report that the username was registered between validation and save."""
        self.add_error("username", ValidationError(USERNAME_TAKEN, code="unique"))


class LimitedLogInMixin:
    """Refuses a log-in without a look at the password where too many have failed; ``wait`` tells the view."""

    wait = 0

    def clean(self) -> Any:
        form: Any = self
        username, password = form.cleaned_data.get("username"), form.cleaned_data.get("password")
        if username is None or not password:
            return super().clean()  # type: ignore[misc]
        attempt = LogIn(form.request, username)
        if attempt.wait:
            self.wait = attempt.wait
            raise ValidationError(TOO_MANY_LOG_INS % duration(attempt.wait), code="throttled")
        cleaned = super().clean()  # type: ignore[misc]
        attempt.succeeded()
        return cleaned


class LogInForm(LimitedLogInMixin, AuthenticationForm):
    """Django's, with limits."""


class AdminLogInForm(LimitedLogInMixin, AdminAuthenticationForm):
    """The admin's, with limits."""


class ResetForm(PasswordResetForm):
    """Asks for an address; whether somebody has it is not told by how long the answer takes either.

    The mails are sent by a thread, and where nobody has the address one is written all the same, and thrown away.
    """

    def get_users(self, email: str) -> Iterator[Any]:
        users = list(super().get_users(email))
        return iter(users or [get_user_model()(pk=0, email=email)])

    def save(self, *args: Any, **kwargs: Any) -> None:
        self._mails: list[EmailMessage] = []
        super().save(*args, **kwargs)
        deliver_later(self._mails)

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        subject_template, body_template, context, sender, address, *_ = args
        subject = " ".join(render_to_string(subject_template, context).split())
        message = EmailMessage(subject, render_to_string(body_template, context), sender, [address])
        if context["user"].pk:
            self._mails.append(message)


class ProfileForm(forms.ModelForm):
    """The editable profile fields; name and email also update the user, through a signal."""

    class Meta:
        model = Profile
        fields = ("name", "email", "headline", "location", "bio")
        help_texts: ClassVar = {
            "email": "For emails about your account and password resets.",
            "headline": "Shown under your name.",
        }
        widgets: ClassVar = {
            "name": forms.TextInput({"autocomplete": "name"}),
            "email": forms.EmailInput({"autocomplete": "email", "spellcheck": "false"}),
            "headline": forms.TextInput({"autocomplete": "organization-title"}),
            "location": forms.TextInput({"autocomplete": "address-level2"}),
            "bio": forms.Textarea({"rows": 6}),
        }

    def clean_email(self) -> str:
        return get_user_model().objects.normalize_email(self.cleaned_data["email"])

    def save(self, commit: bool = True) -> Profile:
        """Save only the changed fields, so that stale values do not overwrite concurrent changes."""
        profile = super().save(commit=False)
        if commit and self.changed_data:
            profile.save(update_fields=[*self.changed_data, "updated"])
        return profile


class OwnPasswordMixin:
    """Asks a person who is logged in for the password, and looks at none where too many of the account were wrong.

    Else who finds an open session could guess there what the log-in page does not let anybody guess. The limit is not
    the log-in's: that one strangers can use up.
    """

    wait = 0
    user: Any

    def own(self, check: Callable[[], str]) -> str:
        """What ``check`` returns unless it raises, as it does for a wrong password."""
        limit = Limit("password_of_account", (str(self.user.pk),))
        if limit.count() > limit.most:
            self.wait = limit.wait
            raise ValidationError(TOO_MANY_WRONG_PASSWORDS % duration(self.wait), code="throttled")
        password = check()
        limit.forget()
        return password


class ChangePasswordForm(OwnPasswordMixin, PasswordChangeForm):
    """Django's, with a limit."""

    def clean_old_password(self) -> str:
        return self.own(super().clean_old_password)


class DeleteAccountForm(OwnPasswordMixin, forms.Form):
    """Asks for the password again, so that an open session alone cannot delete the account."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        return self.own(self._right_password)

    def _right_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise ValidationError("Incorrect password. Nothing was deleted.", code="incorrect")
        return password
