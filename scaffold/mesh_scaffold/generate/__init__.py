"""The use cases: a new app, a new type, and a check of all types. Each makes a value; none writes to the disk."""
