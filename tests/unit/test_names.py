"""A name is found however it is written, and nowhere else."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_log.audit.redaction.names import Names
from signal_log.event import MASK

NAMES = Names(["al", "renée", "ada@example.org", "Ada Lovelace", "lovelace", "b_47"])


@pytest.mark.parametrize(
    "text",
    [
        "al",
        "AL",
        "(al)",
        "al's",
        "by al.",
        "renée",
        unicodedata.normalize("NFD", "renée"),
        "RENÉE",
        "ren%C3%A9e",
        "ren%c3%a9e",
        r"ren\u00e9e",
        r"ren\xe9e",
        "ren&#233;e",
        "ＲＥＮÉＥ",
        "re\u200bnée",
        "ada@example.org",
        "ada%40example.org",
        "ada%2540example.org",
        "ada%252540example.org",
        "ren%25C3%25A9e",
        "auth/user/ada_40example.org",
        "Ada%20Lovelace",
        "ada  lovelace",
        "Ada+Lovelace",
        "avatars/lovelace.png",
        "lovelace@elsewhere.example",
        "B_47",
        "0x" + b"ada@example.org".hex(),
        "written by ada@exam…",
        "ada+news@example.org",
        "ada%2Bnews@example.org",
        "Lovelace, Ada",
        "LOVELACE,ada",
        "Ada\nLovelace",
        "Ada\r\n Lovelace",
        r"Ada\nLovelace",
        r"to\nAda\\nLovelace",
        "Ada-Lovelace",
        "Ada.Lovelace",
        "ada_lovelace",
        "ren&eacute;e",
        r"ren\\u00e9e",
        r"ren\\\u00e9e",
        "ren=C3=A9e",
        "=?utf-8?q?ren=C3=A9e?=",
        "renee",
        "Àda Lovélace",
    ],
)
def test_it_is_masked(text):
    """Nothing of it is left, and what stands around it is."""
    shown = NAMES.masked(f"<{text}>" if not text.endswith("…") else text)
    assert MASK in shown
    assert all(name.casefold() not in shown.casefold() for name in (*NAMES.texts, "ren", "0x61", "ada@"))
    if not text.endswith("…"):
        assert shown.startswith("<")
        assert shown.endswith(">")
    assert NAMES.masked(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "also", "signal", "al.gore", "al@example.com", "x-al", "al_2", "al_40b", "al_40",
        "a_6C", "xada@example.org", "ada@example.org.uk", "ada",
        "Ada", "lovelaces", "renees", "ál", "Ada. Lovelac", "ada+x@example.com", "x=AD",
        "%61lso", "a l", "b47", "", "0x616c", "seen by a…",
    ],
)  # fmt: skip
def test_others_stay(text):
    """Words that hold a name, and other people's names and addresses."""
    assert NAMES.masked(text) == text


def test_every_form_of_a_name_is_the_same_name():
    """Composed or not, in scripts whose letters are made of several characters."""
    for name in ("각하영", "Ǻngström", "Đặng Thị", "ﬁnn", "Straße", "İpek"):
        for form in ("NFC", "NFD", "NFKC", "NFKD"):
            for other in ("NFC", "NFD"):
                text = f"for {unicodedata.normalize(form, name)}."
                assert Names([unicodedata.normalize(other, name)]).masked(text) == f"for {MASK}.", (name, form, other)
        assert Names([name]).masked(f"for {name.upper()}.") == f"for {MASK}."


@given(st.text(), st.text(min_size=1))
def test_nothing_raises_and_the_quick_look_is_right(text, name):
    """Whatever is looked for, wherever; masking twice masks nothing more."""
    names = Names([name])
    shown = names.masked(text)
    if shown != text:
        assert MASK in shown
        assert names.may_be_in(text)
    if MASK not in text and name not in MASK:
        assert names.masked(shown) == shown
    around = names.masked(f"<{name}>") if name.strip() == name and names else MASK
    assert MASK in around or not any(one.isalnum() for one in name)


def test_json_is_masked_inside_and_in_its_keys():
    """Values of every kind; two keys that become the same stay two."""
    value = {"al": 1, "AL": [True, None, "for al"], "also": {"to": "Ada Lovelace"}}
    assert NAMES.masked_value(value) == {MASK: 1, f"{MASK}'": [True, None, f"for {MASK}"], "also": {"to": MASK}}


def test_the_hash_of_a_cut_value_goes_with_what_was_masked_of_it():
    """Or anybody could try out which name it was."""
    cut = f"Dear Ada Lovelace, and so on… (5000 characters, SHA-256 {'0a' * 32})"
    assert NAMES.masked(cut) == f"Dear {MASK}, and so on… (longer)"
    assert NAMES.masked(cut.replace("Ada", "Ida").replace("Lovelace", "L")) == cut.replace("Ada", "Ida").replace(
        "Lovelace", "L"
    )
    assert not Names([])
    assert Names([" "]).masked("al") == "al"
