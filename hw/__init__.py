"""Component models and the machine that wires them."""
