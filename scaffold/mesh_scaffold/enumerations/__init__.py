"""Places in the code that enumerate the post types, found by themselves: docs/commands/check.md has the rules."""
