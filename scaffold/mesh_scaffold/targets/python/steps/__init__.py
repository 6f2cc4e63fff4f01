"""The steps of the python target, one fact each: docs/steps.md lists them."""
