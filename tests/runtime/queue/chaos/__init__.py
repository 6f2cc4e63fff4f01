"""Chaos: a real queue whose workers, server and connections are killed and frozen while jobs of every kind flow.

`tests/runtime/queue/test_chaos.py` runs it for some seconds, `benchmarks/chaos.py` for 100,000 jobs and more.
"""
