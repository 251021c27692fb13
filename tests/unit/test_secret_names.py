"""Names that say a value is secret, in any spelling, and names that only look like them."""

import pytest

from signal_log.capture.model.secret_names import SecretNames, row_of, secret_items

NAMES = SecretNames()


@pytest.mark.parametrize(
    "name",
    ["password", "old_password", "passwordHash", "api_key", "apiKey", "APIKey", "key", "session_key", "resetToken",
     "client_secret", "TOKEN", "private_key", "otp", "Authorization", "X-Api-Key", "tokens", "api_keys", "backup_codes",
     "accesstoken", "authtoken", "secretkey", "passwordhash", "sessionid", "pwd", "dbpwd", "passcode", "jwt", "id_jwt",
     "bearer", "csrfmiddlewaretoken", "csrftoken", "csrf_cookie", "totp", "recovery_code", "recoverycodes",
     "code_verifier", "signature", "private_pem", "auth_header", "psk", "seed", "plaintext", "digest", "password2",
     "Set-Cookie", "pin_code", "smtp_pass", "userpassword", "clientsecret", "apikeys", "session_data", "credentials"],
)  # fmt: skip
def test_secret_names(name):
    """Words, plurals, words run together and every way to join them."""
    assert name in NAMES
    assert NAMES.reason(name)


@pytest.mark.parametrize(
    "name",
    ["keyboard", "monkey", "tokenizer", "secretary", "passport", "pinned", "username", "body", "translation_key",
     "public_key", "natural_key", "idempotency_key", "idempotencyKey", "Idempotency-Key", "turkey", "hockey", "opinion",
     "compass", "passenger", "bypass", "session", "code", "country_code", "seeded", "digestive", "keyword", "keywords",
     "KeyError", "key_error"],
)  # fmt: skip
def test_other_names(name):
    """A name that merely contains the letters of such a word, or is known to be public."""
    assert name not in NAMES


def test_a_project_adds_and_takes_out_names():
    """A name taken out of the list is shown wherever it stands; any other is shown as these words in a row."""
    names = SecretNames(more=["iban", "*_secretSauce"], fewer=["signature", "promo_token", "Token"])
    assert "customer_iban" in names
    assert "the_secret_sauce" in names
    assert "signature" not in names
    assert "promo_token" not in names
    assert "access_token" not in names
    assert "accesstoken" not in names
    assert "password" in names
    assert "promo_token_key" in names


def test_a_pattern_stands_for_every_name_that_fits_it():
    """Inside words too, in any case and however the words are joined; one that is taken out wins over the list."""
    names = SecretNames(more=["*mail*", "Card?No", "nick*"], fewer=["design_*"])
    for name in ("email", "EMAIL", "user-mailbox", "card_no", "cardNo", "nickname", "Nick"):
        assert name in names, name
    for name in ("postcard", "a_nickname", "design_token"):
        assert name not in names, name
    assert "token" in names
    assert names.reason("e_mail") == "*mail*"


@pytest.mark.parametrize(
    ("fields", "naming", "holding"),
    [
        ("id key value", "key", "value"),
        ("section name raw_value", "name", "raw_value"),
        ("name value_type value_text value_bool", "name", "value_text value_bool"),
        ("config_key data", "config_key", "data"),
        ("secret_key value", None, None),
        ("name text", None, None),
        ("key user created", None, None),
    ],
)
def test_rows_of_key_and_value(fields, naming, holding):
    """Which fields name and which hold, if the names say so; a key that is a secret of its own names nothing."""
    row = row_of(fields.split())
    assert (row and " ".join(row.naming), row and " ".join(row.holding)) == (naming, holding)


def test_a_row_is_judged_by_its_key():
    """In JSON the value of a row with a secret's name is masked, and its key is shown."""
    assert secret_items({"key": "smtp_password", "value": "x"}, NAMES) == {"value"}
    assert secret_items({"key": "site_name", "value": "x"}, NAMES) == set()
    assert secret_items({"Key": "token", "Value": "x"}, NAMES) == {"Value"}
    assert secret_items({"key": "abc", "user": 1}, NAMES) == {"key"}
