"""Targets: the kinds of code bases that mesh can add types to."""
