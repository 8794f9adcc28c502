"""Problem, architecture and mapping; importers, legality, the analytical model."""
