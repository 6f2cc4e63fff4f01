"""The python target: the app that `mesh init` makes."""
