"""The account forms: registration, profile and deletion, with their validation messages."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import BaseUserCreationForm, UserCreationForm
from django.core.exceptions import ValidationError

from users.models import Profile

USERNAME_TAKEN = "This username is taken. Choose another."
EMAIL_TAKEN = "There is already an account with this email address. Log in or reset its password."


def clean_unique_email(email: str, *, besides: Any = None) -> str:
    """The address with a lower-case domain; rejected if another account has it, ignoring case.

    ``auth.User`` has no unique constraint on it, so two simultaneous registrations may both pass.
    """
    users = get_user_model()._base_manager.exclude(pk=besides)
    if email and users.filter(email__iexact=email).exists():
        raise ValidationError(EMAIL_TAKEN, code="unique")
    return get_user_model().objects.normalize_email(email)


class RegistrationForm(UserCreationForm):
    """Username, first name, email and password twice; saving creates the user, whose signal creates the profile."""

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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].required = True
        self.fields["password2"].label = "Repeat password"
        self.fields["password2"].help_text = ""

    def clean_email(self) -> str:
        return clean_unique_email(self.cleaned_data["email"])

    def username_was_taken(self) -> None:
        """Report that the username was registered between validation and save."""
        self.add_error("username", ValidationError(USERNAME_TAKEN, code="unique"))


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
        return clean_unique_email(self.cleaned_data["email"], besides=self.instance.user_id)

    def save(self, commit: bool = True) -> Profile:
        """Save only the changed fields, so that stale values do not overwrite concurrent changes."""
        profile = super().save(commit=False)
        if commit and self.changed_data:
            profile.save(update_fields=[*self.changed_data, "updated"])
        return profile


class DeleteAccountForm(forms.Form):
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
        password = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise ValidationError("Incorrect password. Nothing was deleted.", code="incorrect")
        return password
