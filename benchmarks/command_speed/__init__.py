"""What the benchmarks of commands share."""
