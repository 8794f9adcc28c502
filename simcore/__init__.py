"""The engine: time, counters, servers, accounts, fast-forward; nothing of accelerators."""
