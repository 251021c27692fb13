"""The Merkle tree of RFC 6962 over the log's events: roots, and proofs that anybody can check (pure; no Django).

A tree of ``size`` leaves is known by the hashes of its *complete subtrees*: ``node(level, index)`` is the hash over the
leaves from ``index << level`` to ``(index + 1) << level``. All else is made from those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
"""The root of a tree without leaves."""

_leaf_begun: Final = sha256(b"\x00").copy
_node_begun: Final = sha256(b"\x01").copy
"""A copy of a hash costs half of what a new one does: OpenSSL 3 looks the algorithm up each time."""

Node = Callable[[int, int], bytes]
"""The hash of a complete subtree, by its level (0: leaves) and its index on that level."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf."""
    leaf = _leaf_begun()
    leaf.update(entry)
    return leaf.digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    node = _node_begun()
    node.update(left + right)
    return node.digest()


def level_above(content: bytes) -> bytes:
    """The hashes of the nodes over each two hashes, of which the number is even; both without anything between."""
    begun, size, above = _node_begun, 2 * HASH_BYTES, []
    for at in range(0, len(content), size):  # node_hash, without a call for each: all that is sealed passes here
        node = begun()
        node.update(content[at : at + size])
        above.append(node.digest())
    return b"".join(above)


def complete_subtrees(size: int) -> Iterator[tuple[int, int]]:
    """The largest complete subtrees that a tree is made of, from the left: one for each bit of its size."""
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            yield level, (size >> level) - 1


def joined(hashes: Sequence[bytes]) -> bytes:
    """The root over complete subtrees from the left, each smaller than the one before."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def root_of(size: int, node: Node) -> bytes:
    """The root of the tree of this size."""
    return joined([node(level, index) for level, index in complete_subtrees(size)])


class Tree:
    """A tree that grows by leaves and keeps only its complete subtrees: at most one hash for each bit of its size."""

    def __init__(self, size: int = 0, subtrees: Iterable[bytes] = ()) -> None:
        self.size = size
        self.subtrees = list(subtrees)
        """Their hashes, the largest first."""
        if len(self.subtrees) != size.bit_count():
            raise ValueError(f"A tree of {size:,} leaves has {size.bit_count()} subtrees, not {len(self.subtrees)}.")

    def append(self, leaf: bytes) -> None:
        """Add the hash of a leaf."""
        self.subtrees.append(leaf)
        self.size += 1
        for _ in range((self.size & -self.size).bit_length() - 1):
            right = self.subtrees.pop()
            self.subtrees[-1] = node_hash(self.subtrees[-1], right)

    def root(self) -> bytes:
        """The root over all leaves so far."""
        return joined(self.subtrees)

    def copy(self) -> Tree:
        """A tree that grows by itself."""
        return Tree(self.size, self.subtrees)


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """The hashes that lead from a leaf to the root (RFC 6962, 2.1.1), the sibling first; raises ``ValueError``."""
    if not 0 <= index < size:
        raise ValueError(f"A tree of {size:,} leaves has no leaf {index:,}.")
    return [_hash_of(first, last, node) for first, last in _siblings(index, 0, size)]


def consistency_proof(old: int, size: int, node: Node) -> list[bytes]:
    """The hashes that show that the tree of ``size`` began as the one of ``old`` (RFC 6962, 2.1.2); ``ValueError``."""
    if not 0 <= old <= size:
        raise ValueError(f"A tree of {size:,} leaves cannot have grown from one of {old:,}.")
    if old in (0, size):
        return []
    proof: list[tuple[int, int]] = []
    first, last, whole = 0, size, True
    while last != old:
        middle = first + _split(last - first)
        if old <= middle:
            proof.append((middle, last))
            last = middle
        else:
            proof.append((first, middle))
            first, whole = middle, False
    if not whole:
        proof.append((first, last))
    return [_hash_of(a, b, node) for a, b in reversed(proof)]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether a leaf's hash stands at this index of the tree with this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if not last:
            return False
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    return not last and found == root


def verify_consistency(old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree of ``size`` began as the one of ``old`` (RFC 9162, 2.1.4.2)."""
    if old == size:
        return not proof and old_root == root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if not 0 < old < size or not proof:
        return False
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if not last:
            return False
        if at & 1 or at == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        at, last = at >> 1, last >> 1
    return not last and before == old_root and after == root


def _split(size: int) -> int:
    """The largest power of two below a size of at least 2."""
    return 1 << (size - 1).bit_length() - 1


def _siblings(index: int, first: int, last: int) -> Iterator[tuple[int, int]]:
    """The ranges of leaves beside the way from the root to a leaf, from the leaf up."""
    found = []
    while last - first > 1:
        middle = first + _split(last - first)
        if index < middle:
            found.append((middle, last))
            last = middle
        else:
            found.append((first, middle))
            first = middle
    return reversed(found)


def _hash_of(first: int, last: int, node: Node) -> bytes:
    """The hash over the leaves from ``first`` to ``last``, which stand where the tree has them."""
    hashes = []
    while first < last:
        size = last - first
        level = size.bit_length() - 1
        if first:
            level = min(level, (first & -first).bit_length() - 1)
        hashes.append(node(level, first >> level))
        first += 1 << level
    return joined(hashes)
