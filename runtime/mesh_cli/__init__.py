"""The door of the `mesh` command: finds sub-commands by entry point, loads one only when it is called."""
