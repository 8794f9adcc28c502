"""Pieces written down bit by bit in every format, and read again: how large they have to be.

The formats of the simulator count bits; here they are made. Nothing is shared with it: what is
decoded from the bits of a piece, its shape and the number of its words must be the piece.
"""

from __future__ import annotations

import itertools
import math


def bits_for(choices):
    """Bits that tell ``choices`` things apart."""
    bits = 0
    while 2**bits < choices:
        bits += 1
    return bits


class Writer:
    """A string of bits that numbers are appended to."""

    def __init__(self):
        self.bits = ""

    def put(self, number, bits):
        assert 0 <= number < 2**bits
        self.bits += format(number, f"0{bits}b") if bits else ""


class Reader:
    """A string of bits that numbers are taken from."""

    def __init__(self, bits):
        self.bits = bits
        self.at = 0

    def take(self, bits):
        text = self.bits[self.at : self.at + bits]
        assert len(text) == bits
        self.at += bits
        return int(text or "0", 2)


def places(shape):
    return list(itertools.product(*map(range, shape)))


def filled(piece):
    """Places of the words that are not zero, in row-major order."""
    return [at for at in places(piece.shape) if piece[at]]


def encode(form, piece):
    """The metadata of a piece, a string of bits."""
    writer = Writer()
    ENCODERS[form](piece, writer)
    return writer.bits


def decode(form, bits, shape, words):
    """The places of the words that are not zero."""
    reader = Reader(bits)
    found = DECODERS[form](reader, shape, words)
    assert reader.at == len(bits)
    return found


def _write_bitmask(piece, writer):
    for at in places(piece.shape):
        writer.put(int(piece[at]), 1)


def _read_bitmask(reader, shape, words):
    return [at for at in places(shape) if reader.take(1)]


def _write_coordinates(piece, writer):
    for at in filled(piece):
        for where, size in zip(at, piece.shape, strict=True):
            writer.put(where, bits_for(size))


def _read_coordinates(reader, shape, words):
    return [tuple(reader.take(bits_for(size)) for size in shape) for _ in range(words)]


def _write_rows(piece, writer, rank):
    """Pointers to the rows of a rank, then the place of each word among the other ranks."""
    others = piece.shape[:rank] + piece.shape[rank + 1 :]
    numbers = {at: number for number, at in enumerate(places(others))}
    rows = [[] for _ in range(piece.shape[rank])]
    for at in filled(piece):
        rows[at[rank]].append(numbers[at[:rank] + at[rank + 1 :]])
    pointer = 0
    writer.put(pointer, bits_for(piece.size + 1))
    for row in rows:
        pointer += len(row)
        writer.put(pointer, bits_for(piece.size + 1))
    for number in itertools.chain(*rows):
        writer.put(number, bits_for(len(numbers)))


def _read_rows(reader, shape, words, rank):
    others = places(shape[:rank] + shape[rank + 1 :])
    pointers = [reader.take(bits_for(math.prod(shape) + 1)) for _ in range(shape[rank] + 1)]
    assert pointers[-1] == words
    found = []
    for row, (first, end) in enumerate(itertools.pairwise(pointers)):
        for _ in range(first, end):
            rest = others[reader.take(bits_for(len(others)))]
            found.append((*rest[:rank], row, *rest[rank:]))
    return sorted(found)


def _write_tree(piece, writer):
    """Rank by rank: pointers of the nodes outside it, and the coordinates of its own nodes."""
    prefixes = [()]
    for rank, size in enumerate(piece.shape):
        nodes = sorted({at[: rank + 1] for at in filled(piece)})
        if size == 1:
            prefixes = nodes
            continue
        most = math.prod(piece.shape[: rank + 1])
        pointer = 0
        writer.put(pointer, bits_for(most + 1))
        for prefix in prefixes:
            pointer += sum(node[:rank] == prefix for node in nodes)
            writer.put(pointer, bits_for(most + 1))
        for node in nodes:
            writer.put(node[-1], bits_for(size))
        prefixes = nodes


def _read_tree(reader, shape, words):
    prefixes = [()]
    for rank, size in enumerate(shape):
        if size == 1:
            prefixes = [(*prefix, 0) for prefix in prefixes] if words else []
            continue
        bits = bits_for(math.prod(shape[: rank + 1]) + 1)
        pointers = [reader.take(bits) for _ in range(len(prefixes) + 1)]
        prefixes = [
            (*prefix, reader.take(bits_for(size)))
            for prefix, (first, end) in zip(prefixes, itertools.pairwise(pointers), strict=True)
            for _ in range(first, end)
        ]
    return prefixes


ENCODERS = {
    "bitmask": _write_bitmask,
    "coordinate": _write_coordinates,
    "csr": lambda piece, writer: _write_rows(piece, writer, 0),
    "csc": lambda piece, writer: _write_rows(piece, writer, piece.ndim - 1),
    "csf": _write_tree,
}
DECODERS = {
    "bitmask": _read_bitmask,
    "coordinate": _read_coordinates,
    "csr": lambda reader, shape, words: _read_rows(reader, shape, words, 0),
    "csc": lambda reader, shape, words: _read_rows(reader, shape, words, len(shape) - 1),
    "csf": _read_tree,
}


def write_runs(piece, run_bits, word_bits, pack_bits):
    """A piece as packs of pairs of a run of zeros and a word: a string of bits."""
    pairs = []
    run = 0
    for at in places(piece.shape):
        if piece[at]:
            pairs.append((run, 1))
            run = 0
        elif run == 2**run_bits - 1:
            pairs.append((run, 0))
            run = 0
        else:
            run += 1
    while pairs and not pairs[-1][1]:  # zeros at the end are not coded
        pairs.pop()
    writer = Writer()
    for number, (run, word) in enumerate(pairs):
        if pack_bits is not None and number and number % (pack_bits // (run_bits + word_bits)) == 0:
            writer.bits += "0" * (-len(writer.bits) % pack_bits)
        writer.put(run, run_bits)
        writer.put(word, word_bits)
    if pack_bits is not None:
        writer.bits += "0" * (-len(writer.bits) % pack_bits)
    return writer.bits


def read_runs(bits, shape, words, run_bits, word_bits, pack_bits):
    """The places of the words that are not zero; words are 1 here."""
    pack = pack_bits or len(bits)
    reader = Reader(bits)
    flat = []
    while sum(flat) < words:
        if pack - reader.at % pack < run_bits + word_bits:
            reader.at += pack - reader.at % pack
        flat += [0] * reader.take(run_bits) + [reader.take(word_bits)]
    return [at for at, word in zip(places(shape), flat, strict=False) if word]
