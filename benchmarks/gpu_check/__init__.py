"""What only a GPU can show: sections of measurements, each run in a process of its own."""
