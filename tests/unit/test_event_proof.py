"""The proof of one event: golden vectors, damaged files, and a reader who has neither Django nor a database."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import orjson
import pytest

from signal_log.errors import ProofError
from signal_log.seal.note import verifier_key
from signal_log.seal.verify.__main__ import main
from signal_log.seal.verify.proof import Disproved, check_proof, read_proof
from tests.vectors import event_proofs

CASES = json.loads(event_proofs.FILE.read_text())
WHOLE = CASES[0]["proof"].encode()
KEY = verifier_key(CASES[0]["vkeys"][0])
WITNESSES = [verifier_key(text) for text in CASES[0]["witnesses"]]
ROOT = Path(__file__).parents[2]
WITHOUT_DJANGO = (
    "import sys, runpy; sys.modules['django'] = sys.modules['channels'] = None;"
    "runpy.run_module('signal_log.seal.verify', run_name='__main__', alter_sys=True)"
)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_vectors(case, tmp_path, capsys):
    """What each file shows stays the same for ever."""
    file = tmp_path / "one.tlog-proof"
    file.write_bytes(case["proof"].encode())
    named = [word for key in case["vkeys"] for word in ("--vkey", key)]
    named += [word for key in case["witnesses"] for word in ("--witness", key)]
    named += ["--quorum", str(case["quorum"])] if "quorum" in case else []
    assert main([str(file), *named]) == case["exit"]
    out, err = capsys.readouterr()
    if case["exit"]:
        assert not out
        assert err.startswith(("Not proved: ", "Could not be checked: ")[case["exit"] - 1])
        assert err.count("\n") == 1
    else:
        assert out.splitlines() == [*case["said"], "Proved."]
        assert not err
        assert out.replace("\n", "").isprintable()


def test_the_vectors_are_what_is_written():
    """The writer of proofs gives these very bytes."""
    assert [made.decode() for made in event_proofs.files()] == [CASES[at]["proof"] for at in range(3)]


def test_without_django(tmp_path):
    """A process in which Django cannot be imported, in another folder and without its environment."""
    file = tmp_path / "one.tlog-proof"
    file.write_bytes(WHOLE)
    command = [sys.executable, "-E", "-P", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {WITHOUT_DJANGO}"]
    ended = subprocess.run(
        [*command, str(file), "--vkey", str(KEY)], cwd=tmp_path, env={}, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[-1] == "Proved."


def test_no_altered_byte_passes():
    """Whatever one byte is made into, the file proves the same or nothing."""
    dice = Random(14)
    proved = check_proof(read_proof(WHOLE), [KEY], WITNESSES)
    for at in range(0, len(WHOLE), 3):
        spoilt = bytearray(WHOLE)
        spoilt[at] ^= 1 << dice.randrange(7)
        try:
            found = check_proof(read_proof(bytes(spoilt)), [KEY], WITNESSES)
        except ProofError:
            continue
        assert (found.header, found.subject, found.payload) == (proved.header, proved.subject, proved.payload), at
        assert (found.index, found.checkpoint) == (proved.index, proved.checkpoint), at


def test_nothing_may_be_said_beside_what_was_sealed():
    """A reader of the file might take it for proved."""
    proof = read_proof(WHOLE)
    more = orjson.dumps(orjson.loads(proof.extra) | {"actor": "mallory"})
    with pytest.raises(ProofError, match=r"says more of its event than was sealed: 'actor'\."):
        check_proof(replace(proof, extra=more), [KEY], WITNESSES)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda extra: extra.replace(b'"id":', b'"header":{},"id":', 1), "says something of its event twice"),
        (lambda extra: extra.replace(b'"id":', b'"id": ', 1), "or in another form"),
        (lambda extra: orjson.dumps(orjson.loads(extra) | {"id": True}, option=orjson.OPT_SORT_KEYS), "holds nothing"),
        (lambda extra: orjson.dumps(orjson.loads(extra) | {"payload_hash": "FORGED"}, option=orjson.OPT_SORT_KEYS),
         "says more of its event than was sealed: 'payload_hash'"),
        (lambda _: b'{"format":"signal_log/event/2","header":{},"payload":' + b"[" * 100_000, "holds nothing"),
    ],
)  # fmt: skip
def test_what_is_said_is_said_once_and_as_it_is_written(change, words):
    """A key twice, an id that is no number, the hash of a part that is there: a reader might take either."""
    proof = read_proof(WHOLE)
    with pytest.raises(ProofError, match=words):
        check_proof(replace(proof, extra=change(proof.extra)), [KEY], WITNESSES)


def test_a_part_that_was_left_out_is_not_called_redacted():
    """Whoever shows a proof can withhold a part: its hash proves the rest, and nobody knows why it is not there."""
    (case,) = [one for one in CASES if one["name"] == "with a redacted payload"]
    assert "Names and values are not in this file: they were redacted, or whoever made the file left" in str(
        case["said"]
    )


def test_no_cut_file_passes():
    """It is told that it is cut, or its last witness is gone."""
    for end in range(0, len(WHOLE) - 1, 7):
        with pytest.raises(ProofError):
            check_proof(read_proof(WHOLE[:end]), [KEY], WITNESSES)


def test_what_a_reader_demands():
    """Witnesses, how many, and how recent; by their clocks."""
    proof = read_proof(WHOLE)
    at = datetime.fromtimestamp(event_proofs.AT, UTC)
    second = timedelta(seconds=1)
    assert len(check_proof(proof, [KEY], WITNESSES, not_older_than=at).witnesses) == 2
    assert check_proof(proof, [KEY], WITNESSES, quorum=1, not_older_than=at + second)
    with pytest.raises(ProofError, match="too old: it was countersigned at 2026-11-18 11:07:40 UTC"):
        check_proof(proof, [KEY], WITNESSES, not_older_than=at + second)
    with pytest.raises(ProofError, match="A quorum of 3 is not possible with 2 witnesses"):
        check_proof(proof, [KEY], WITNESSES, quorum=3)
    with pytest.raises(ProofError, match="only a witness can tell"):
        check_proof(proof, [KEY], not_older_than=at)
    with pytest.raises(ProofError, match="taken for each other"):
        check_proof(proof, WITNESSES, [KEY])
    twice = [WITNESSES[0], verifier_key(str(WITNESSES[0]))]
    with pytest.raises(ProofError, match="A quorum of 2"):
        check_proof(proof, [KEY], twice)


def test_a_witness_that_did_not_sign_it():
    """Its line is another's: that is no missing signature, but a false one."""
    lines = WHOLE.decode().splitlines(keepends=True)
    forged = "".join(lines[:-1]) + lines[-1][:20] + ("A" if lines[-1][20] != "A" else "B") + lines[-1][21:]
    with pytest.raises((Disproved, ProofError)):
        check_proof(read_proof(forged.encode()), [KEY], WITNESSES)


@pytest.mark.parametrize(
    "arguments",
    [["nothing.tlog-proof", "--vkey", str(KEY)], ["/", "--vkey", str(KEY)], ["x", "--vkey", "no key"]],
)  # fmt: skip
def test_bad_arguments(arguments, capsys):
    """One sentence."""
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("option", [["--not-older-than", "soon"], ["--quorum", "-1"], []])
def test_bad_options(option):
    """As of any command."""
    with pytest.raises(SystemExit) as ended:
        main(["x", *(["--vkey", str(KEY)] if option else []), *option])
    assert ended.value.code == 2
