"""The measurements behind `python benchmarks/queue.py`."""
