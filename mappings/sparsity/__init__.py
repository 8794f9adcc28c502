"""Sparse operands: which of their words are zero, how they are stored, and what that saves."""
