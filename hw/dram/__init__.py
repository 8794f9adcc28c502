"""DRAM: device tables, the controller of its channels, energies by command."""
