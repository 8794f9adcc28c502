"""Programs: instruction set, compiler, storage."""
