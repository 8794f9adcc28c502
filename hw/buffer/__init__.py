"""Banked buffers: where the words of a step lie, and how many accesses each bank gets."""
