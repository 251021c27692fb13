"""A set of ids as bits: 200 sockets that each keep which of a million events they have seen take 25 MB."""

from __future__ import annotations

from collections.abc import Iterable


class Ids:
    """Ids of a table, from 0 on."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._bits = bytearray()
        for number in numbers:
            self.add(number)

    def add(self, number: int) -> bool:
        """Put one in; whether it was not there before."""
        at, bit = number >> 3, 1 << (number & 7)
        if at >= len(self._bits):
            self._bits.extend(bytes(at + 1 - len(self._bits)))
        if self._bits[at] & bit:
            return False
        self._bits[at] |= bit
        return True

    def __len__(self) -> int:
        return self._number().bit_count()

    def __sub__(self, other: Ids) -> list[int]:
        """Those that are not in the other one, in order."""
        left = self._number() & ~other._number()
        return [8 * at + bit for at, byte in enumerate(_bytes(left)) if byte for bit in range(8) if byte >> bit & 1]

    def _number(self) -> int:
        return int.from_bytes(self._bits, "little")


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "little")
