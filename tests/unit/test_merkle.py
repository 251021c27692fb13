"""The log's Merkle tree, against RFC 6962's recursive definitions and Certificate Transparency's test vectors."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_log.seal import merkle

# The leaves and roots that Google's certificate-transparency repository tests its trees with.
LEAVES = [
    bytes.fromhex(one)
    for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = """
    6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d
    fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125
    aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77
    d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7
    4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4
    76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef
    ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c
    5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328
""".split()  # noqa: SIM905
SIZES = st.integers(0, 300)


def split(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1


def mth(entries: Sequence[bytes]) -> bytes:
    """RFC 6962, 2.1."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = split(len(entries))
    return sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(index: int, entries: Sequence[bytes]) -> list[bytes]:
    """RFC 6962, 2.1.1."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if index < k:
        return [*path(index, entries[:k]), mth(entries[k:])]
    return [*path(index - k, entries[k:]), mth(entries[:k])]


def subproof(old: int, entries: Sequence[bytes], whole: bool) -> list[bytes]:
    """RFC 6962, 2.1.2."""
    if old == len(entries):
        return [] if whole else [mth(entries)]
    k = split(len(entries))
    if old <= k:
        return [*subproof(old, entries[:k], whole), mth(entries[k:])]
    return [*subproof(old - k, entries[k:], False), mth(entries[:k])]


def entries(size: int) -> list[bytes]:
    return [number.to_bytes(4, "big") for number in range(size)]


def nodes_of(log: Sequence[bytes]) -> merkle.Node:
    def node(level: int, index: int) -> bytes:
        found = log[index << level : (index + 1) << level]
        assert len(found) == 1 << level, "only complete subtrees are asked for"
        return mth(found)

    return node


def grown(log: Sequence[bytes]) -> merkle.Tree:
    tree = merkle.Tree()
    for entry in log:
        tree.append(merkle.leaf_hash(entry))
    return tree


def test_known_roots():
    """Every tree from one leaf to eight."""
    tree = merkle.Tree()
    assert tree.root() == merkle.EMPTY_ROOT
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        tree.append(merkle.leaf_hash(leaf))
        assert tree.root().hex() == root


@given(SIZES)
def test_a_tree_that_grows_and_one_that_is_looked_up_are_the_specification_s(size: int):
    """And it goes on from what it keeps."""
    log = entries(size)
    tree = grown(log)
    assert tree.root() == merkle.root_of(size, nodes_of(log)) == mth(log)
    again = merkle.Tree(tree.size, tree.subtrees)
    again.append(merkle.leaf_hash(b"more"))
    assert again.root() == mth([*log, b"more"])
    assert tree.root() == mth(log)


@given(st.data())
def test_inclusion(data: st.DataObject):
    """A proof is the specification's, holds for its leaf at its index, and for nothing else."""
    size = data.draw(st.integers(1, 200))
    index, other = (data.draw(st.integers(0, size - 1)) for _ in range(2))
    log = entries(size)
    root, leaf = mth(log), merkle.leaf_hash(log[index])
    proof = merkle.inclusion_proof(index, size, nodes_of(log))
    assert proof == path(index, log)
    assert merkle.verify_inclusion(index, size, leaf, proof, root)
    assert merkle.verify_inclusion(other, size, leaf, proof, root) is (other == index)
    assert not merkle.verify_inclusion(index, size, merkle.leaf_hash(b"another"), proof, root)
    assert not merkle.verify_inclusion(index, size, leaf, [*proof, root], root)
    assert not merkle.verify_inclusion(size, size, leaf, proof, root)
    if proof:
        assert not merkle.verify_inclusion(index, size, leaf, proof[:-1], root)


@given(st.data())
def test_consistency(data: st.DataObject):
    """A proof is the specification's, holds for these two trees, and for no other root or size."""
    size = data.draw(st.integers(1, 200))
    old, other = (data.draw(st.integers(1, size)) for _ in range(2))
    log = entries(size)
    before, after = mth(log[:old]), mth(log)
    proof = merkle.consistency_proof(old, size, nodes_of(log))
    assert proof == subproof(old, log, True)
    assert merkle.verify_consistency(old, size, before, after, proof)
    assert merkle.verify_consistency(other, size, before, after, proof) is (other == old)
    assert not merkle.verify_consistency(old, size, sha256(before).digest(), after, proof)
    assert not merkle.verify_consistency(old, size, before, sha256(after).digest(), proof)
    assert not merkle.verify_consistency(old, size, before, after, [*proof, after])
    for at in range(len(proof)):
        forged = [*proof[:at], sha256(proof[at]).digest(), *proof[at + 1 :]]
        assert not merkle.verify_consistency(old, size, before, after, forged)


def test_an_empty_tree_is_the_beginning_of_every_other():
    """Its root is known."""
    log = entries(5)
    assert merkle.consistency_proof(0, 5, nodes_of(log)) == []
    assert merkle.verify_consistency(0, 5, merkle.EMPTY_ROOT, mth(log), [])
    assert not merkle.verify_consistency(0, 5, mth(log), mth(log), [])


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (0, 0)])
def test_what_is_not_there_has_no_proof(index: int, size: int):
    """It is said."""
    with pytest.raises(ValueError, match="has no leaf"):
        merkle.inclusion_proof(index, size, nodes_of(entries(size)))
    with pytest.raises(ValueError, match="cannot have grown"):
        merkle.consistency_proof(size + 1, size, nodes_of(entries(size)))


def test_a_tree_is_not_made_of_too_few_hashes():
    """A state that was cut short is noticed."""
    with pytest.raises(ValueError, match="has 2 subtrees, not 1"):
        merkle.Tree(5, [b"x" * 32])
