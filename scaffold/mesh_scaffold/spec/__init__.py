"""Specs: the declarative YAML files in a project's `specs/`, read into frozen values."""
