"""Units whose steps depend on which words are zero."""
