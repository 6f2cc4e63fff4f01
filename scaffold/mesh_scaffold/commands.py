"""The scaffold's sub-commands of `mesh`: one line each, imported without anything heavy."""

from __future__ import annotations

from mesh_cli.commands import Command

INIT = Command("Make a new app: mesh init DIR.", "mesh_scaffold.cli.init:app")
NEW = Command("Add a post type to the app from its spec.", "mesh_scaffold.cli.new:app")
UPDATE = Command("Bring generated code to what its spec says now.", "mesh_scaffold.cli.update:app")
REMOVE = Command("Take a type out of the app again.", "mesh_scaffold.cli.remove:app")
UNDO = Command("Take a change back: the last one, or the one with that ID.", "mesh_scaffold.cli.undo:app")
LOG = Command("List what mesh changed in this project.", "mesh_scaffold.cli.log:app")
PLAN = Command("Show what a command would do, or write it to a file.", "mesh_scaffold.cli.plan:app")
APPLY = Command("Do what a plan's file says.", "mesh_scaffold.cli.apply:app")
RECORD = Command("Repair what mesh remembers of a type.", "mesh_scaffold.cli.record:app")
CHECK = Command("Say for every type which steps hold in the code and which don't.", "mesh_scaffold.cli.check:app")
ADOPT = Command("Give a hand-written type its spec and record.", "mesh_scaffold.cli.adopt:app")
