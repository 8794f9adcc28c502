"""Banks of a buffer and their ports: where words lie, and how many accesses a cycle allows.

A bank with ``1RW`` does one access per cycle, a read or a write; with ``1R1W`` one read and one
write; with ``<n>RW`` or ``<n>R<m>W`` as many, whatever their addresses within the bank.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Annotated

from pydantic import Field

__all__ = ["BankPorts", "Banking", "PortsText", "Widths", "bank_ports"]

_SHARED = re.compile(r"([1-9][0-9]{0,3})RW")
_SEPARATE = re.compile(r"([1-9][0-9]{0,3})R([1-9][0-9]{0,3})W")

PortsText = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,3}(RW|R[1-9][0-9]{0,3}W)$", max_length=10)]
"""Ports of a bank as text: ``1RW``, ``1R1W``, ``<n>RW``, ``<n>R<m>W``."""


class Banking(StrEnum):
    """Where the words of a tensor lie among the banks of a buffer."""

    TENSOR = "tensor"
    """All in one bank; tensors take turns in the order in which the mapping keeps them."""
    INTERLEAVED = "interleaved"
    """Consecutive words in consecutive banks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankPorts:
    """Ports of one bank; either ``shared`` is 0 or the others are."""

    reads: int = 0
    writes: int = 0
    shared: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Widths:
    """Words per cycle of all banks of one instance together; None is unlimited.

    Attributes:
        read: Reads.
        write: Fills and updates.
        shared: Both together.
    """

    read: Fraction | None = None
    write: Fraction | None = None
    shared: Fraction | None = None

    def by_port(self) -> tuple[tuple[str, Fraction | None], ...]:
        """The widths with the names of their ports."""
        return (("read", self.read), ("write", self.write), ("shared", self.shared))


def bank_ports(text: str) -> BankPorts:
    """Ports that a text such as ``2R1W`` stands for.

    Raises:
        ValueError: If it is none.
    """
    if found := _SHARED.fullmatch(text):
        return BankPorts(shared=int(found[1]))
    if found := _SEPARATE.fullmatch(text):
        return BankPorts(reads=int(found[1]), writes=int(found[2]))
    raise ValueError(f"{text} is not 1RW, 1R1W, <n>RW or <n>R<m>W")
