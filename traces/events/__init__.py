"""Event traces: recording a run, reading what was recorded, exporting it."""
