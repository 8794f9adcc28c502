"""Streams below a main memory with a controller: addresses, lanes, landings, on the engine."""
