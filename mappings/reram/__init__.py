"""Crossbars that compute where their weights are: chips, schedules, and what both imply."""
