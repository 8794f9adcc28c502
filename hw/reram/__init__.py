"""Crossbars at work: the machine that executes a schedule, cycle by cycle."""
