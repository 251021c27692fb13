"""An archive still proves its events, says so of itself, and shows what was done to it."""

import gzip
import json
from dataclasses import replace

import pytest

from signal_log.errors import ProofError
from signal_log.event import MASK
from signal_log.seal import archive, merkle
from signal_log.seal.archive import Line, Manifest, find_event, line_of, lines, manifests
from signal_log.seal.archive_writing import remove_leftovers, rewrite, write
from signal_log.seal.canonical import ERASED, canonical, inner_hashes, timestamp
from tests.factories import event_value

AT = "2026-11-22T09:42:17.950112Z"


def mapping(**fields):
    """An event by column, as an export has it."""
    event = event_value(**fields)._asdict()
    return event | {
        "occurred_at": timestamp(event["occurred_at"]),
        "salt": event["salt"].hex(),
        "digest": event["digest"].hex(),
        "redacted_at": None,
        "kept_hashes": None,
    }


@pytest.fixture
def held():
    """Five leaves of which one has no event here."""
    found = [line_of(index, index + 10, mapping(object_repr=f"Ada {index}")) for index in range(256, 261)]
    found[2] = Line(258, found[2].leaf)
    return found


@pytest.fixture
def folder(tmp_path, held):
    """An archive of them."""
    write(tmp_path / "archive", "here/log/1", 1, held, AT)
    return tmp_path / "archive"


def test_what_was_written_is_read(folder, held):
    """Each event with its parts, its digest and its leaf; the manifest says which, and the root."""
    (manifest,) = manifests(folder)
    assert (manifest.first, manifest.last, manifest.events, manifest.ids) == (256, 260, 4, "266-267,269-270")
    assert manifest.root == merkle_root([line.leaf for line in held])
    assert list(lines(folder, manifest)) == held
    assert all(line.holds for line in held)
    found, line = find_event(folder, 267)
    assert (found, line) == (manifest, held[1])
    assert find_event(folder, 268) is None
    assert {path.name for path in folder.iterdir()} == {"g1-256-260.json", "g1-256-260.1.jsonl.gz"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


def read(folder):
    """The lines as a stranger reads them."""
    content = gzip.decompress((folder / "g1-256-260.1.jsonl.gz").read_bytes())
    return [json.loads(line) for line in content.splitlines()]


def merkle_root(leaves):
    """By the recursion of RFC 6962."""
    tree = merkle.Tree()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root().hex()


def test_the_parts_are_what_was_hashed(folder, held):
    """Anybody with an RFC 8785 library finds the digest in a line alone."""
    import hashlib

    import rfc8785

    told = read(folder)[0]
    salt = bytes.fromhex(told["salt"])
    inner = [
        hashlib.sha256(salt[:16] + rfc8785.dumps(told["subject"])),
        hashlib.sha256(salt[16:] + rfc8785.dumps(told["payload"])),
    ]
    text = b"signal_log/event/2\n" + rfc8785.dumps(told["header"]) + b"\n" + b"".join(one.digest() for one in inner)
    assert hashlib.sha256(text).hexdigest() == told["digest"] == held[0].event["digest"]


def test_the_same_again_is_the_same_file_and_other_events_another(folder, held):
    """A prune that was killed before its rows went writes nothing twice; one of rows that were kept goes beside it."""
    before = write(folder, "here/log/1", 1, held, "later")
    assert manifests(folder) == [before]
    assert before.made_at == AT
    kept = [Line(line.index, line.leaf) for line in held]
    kept[2] = line_of(258, 268, mapping(object_repr="Ada 258"))
    other = write(folder, "here/log/1", 1, kept, AT)
    assert other.name == "g1-256-260-2.json"
    assert {one.ids for one in manifests(folder)} == {"268", "266-267,269-270"}


def test_a_redaction_changes_what_is_told_and_no_leaf(folder, held):
    """The root stays, the file is another, and nothing of the first is left."""
    (manifest,) = manifests(folder)
    event = held[0].event
    hashes = inner_hashes(event, bytes.fromhex(event["salt"]), None)
    erased = {
        **event,
        "object_repr": MASK,
        "salt": event["salt"][:32] + ERASED.hex(),
        "kept_hashes": b"".join(hashes).hex(),
        "redacted_at": AT,
    }
    new = rewrite(folder, manifest, [line_of(256, 266, erased), *held[1:]], AT)
    assert manifests(folder) == [new]
    assert (new.root, new.redacted_at, new.file) == (manifest.root, AT, "g1-256-260.2.jsonl.gz")
    read = list(lines(folder, new))
    assert read[0].event["object_repr"] == MASK
    assert all(line.holds for line in read)
    assert {path.name for path in folder.iterdir()} == {"g1-256-260.json", "g1-256-260.2.jsonl.gz"}
    with pytest.raises(ValueError, match="neither the leaves nor the events"):
        rewrite(folder, new, held[1:], AT)


def test_what_an_interruption_left_is_no_part_of_it(folder, held):
    """A file without a manifest, or half a file, is ignored, and removed by the next redaction."""
    (folder / "g1-256-260.2.jsonl.gz").write_bytes(b"half")
    (folder / "g1-512-767.1.jsonl.gz.part").write_bytes(b"half")
    (folder / "notes.txt").write_text("not ours")
    (manifest,) = manifests(folder)
    assert list(lines(folder, manifest)) == held
    assert remove_leftovers(folder) == 2
    assert (folder / "notes.txt").exists()


def forge(folder, change):
    """Change the lines, and make the manifest fit as far as somebody can."""
    import hashlib

    path = folder / "g1-256-260.1.jsonl.gz"
    told = read(folder)
    change(told)
    path.write_bytes(gzip.compress(b"".join(canonical(one) + b"\n" for one in told)))
    manifest = folder / "g1-256-260.json"
    told = Manifest(**json.loads(manifest.read_text()) | {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
    manifest.write_bytes(told.content)


def test_a_changed_event_does_not_hold(folder):
    """Whoever changes a line and the hash of the file cannot make its digest fit, nor the root another digest."""
    forge(folder, lambda told: told[1]["payload"].update(object_repr="Eve"))
    (manifest,) = manifests(folder)
    assert [line.holds for line in lines(folder, manifest)] == [True, False, True, True, True]
    forge(folder, lambda told: told[1].update(digest="00" * 32))
    with pytest.raises(ProofError, match="does not hold the leaves"):
        list(lines(folder, *manifests(folder)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda told: told.pop(), "does not hold the leaves"),
        (lambda told: told.pop(1), "has leaf 258 where leaf 257 should be"),
        (lambda told: told.append(told[0]), "has leaf 256 where leaf 261 should be"),
        (lambda told: told[0].pop("salt"), "has a line that is none"),
        (lambda told: told[0]["header"].pop("signal"), "has a line that is none"),
        (lambda told: told.insert(0, 7), "has a line that is none"),
        (lambda told: told[0].update(id=9), "does not hold the leaves"),
        (lambda told: told[0].update(more="x"), "has a line that is none"),
        (lambda told: told[2].update(more="x"), "has a line that is none"),
        (lambda told: told[2].update(leaf="00"), "has a line that is none"),
        (lambda told: told[0].update(index=True), "has a line that is none"),
        (lambda told: told[0].update(redacted_at=5), "has a line that is none"),
        (lambda told: told[0].update(kept_hashes="00"), "has a line that is none"),
        (lambda told: told[0]["payload"].update(signal=told[0]["header"].pop("signal")), "has a line that is none"),
    ],
)
def test_lines_that_do_not_fit_are_one_sentence(folder, change, words):
    """Left out, doubled, damaged or renamed."""
    forge(folder, change)
    with pytest.raises(ProofError, match=words):
        list(lines(folder, *manifests(folder)))


def test_damage_is_one_sentence(folder, tmp_path):
    """A file or manifest that is cut, changed, missing, or of something else."""
    (manifest,) = manifests(folder)
    path, listed = folder / manifest.file, folder / manifest.name
    whole, said = path.read_bytes(), listed.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(ProofError, match="was changed, or cut short"):
        list(lines(folder, manifest))
    with pytest.raises(ProofError, match="damaged, or cut short"):
        list(lines(folder, replace(manifest, sha256=archive.sha256_of(path))))
    path.unlink()
    with pytest.raises(ProofError, match="cannot be read"):
        list(lines(folder, manifest))
    for text, words in {
        b"{": "it is no JSON",
        b"[]": "is no manifest",
        said.replace(b'"events": 4', b'"events": 5'): "is damaged",
        said.replace(b"g1-256-260.1", b"../../etc/x"): "is damaged",
        said.replace(b'"made_at"', b'"made"'): "is damaged",
    }.items():
        listed.write_bytes(text)
        with pytest.raises(ProofError, match=words):
            manifests(folder)
    with pytest.raises(ProofError, match="is no archive that can be read"):
        manifests(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b'"id":267', b'"id": 267'),
        lambda text: text.replace(b'"object_repr":', b'"object_repr":"FORGED","object_repr":', 1),
        lambda text: text.replace(b"\n", b"\n" + b"[" * 100_000 + b"\n", 1),
    ],
)
def test_a_line_is_exactly_what_is_written(folder, change):
    """A key that stands there twice, another form of the same, or what no parser reads: none of it is passed over."""
    (manifest,) = manifests(folder)
    path = folder / manifest.file
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()))))
    with pytest.raises(archive.AlteredArchiveError, match="has a line that is none"):
        list(lines(folder, replace(manifest, sha256=archive.sha256_of(path))))


@pytest.mark.parametrize(
    "change",
    [
        json.dumps,
        lambda given: "[" * 100_000,
        lambda given: json.dumps(given | {"generation": True}, indent=1) + "\n",
        lambda given: json.dumps(given | {"made_at": []}, indent=1) + "\n",
        lambda given: json.dumps(given | {"ids": "1-99999999999999999999"}, indent=1) + "\n",
    ],
)
def test_a_manifest_is_exactly_what_is_written(folder, change):
    """The same in another form, of other types, or what no parser reads."""
    path = folder / "g1-256-260.json"
    path.write_text(change(json.loads(path.read_text())))
    with pytest.raises(archive.AlteredArchiveError, match="is damaged"):
        manifests(folder)
