"""Specs of parts of an architecture that are described by a family of their own."""
