"""Networks on chip: geometry, packets with reserved links, routers with finite buffers."""
