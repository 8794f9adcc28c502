"""Flat programs of the user's own: rows read, checked and turned into tables."""
