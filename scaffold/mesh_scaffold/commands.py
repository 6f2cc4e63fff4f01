"""The scaffold's sub-commands of `mesh`: one line each, imported without anything heavy."""

from __future__ import annotations

from mesh_cli.commands import Command

INIT = Command("Make a new app: mesh init DIR.", "mesh_scaffold.cli.init:app")
NEW = Command("Add a post type to the app from its spec.", "mesh_scaffold.cli.new:app")
UPDATE = Command("Bring generated code to what its spec says now.", "mesh_scaffold.cli.update:app")
REMOVE = Command("Take a type out of the app again.", "mesh_scaffold.cli.remove:app")
CHECK = Command("Say for every type which steps hold in the code and which don't.", "mesh_scaffold.cli.check:app")
