"""The functional interpreter: a program executed on integers (law L6)."""
