"""The runtime's sub-commands of `mesh`: one line each, imported without anything heavy."""

from __future__ import annotations

from mesh_cli.commands import Command

DB = Command("Start, stop, migrate and open the project's database.", "mesh_runtime.cli.db:app")
PLUGINS = Command("List and check the plug-ins of the project.", "mesh_runtime.cli.plugins:app")
SERVE = Command("Serve the project's app over HTTP.", "mesh_runtime.cli.serve:app")
WORKER = Command("Run the jobs of the queue.", "mesh_runtime.cli.worker:app")
QUEUE = Command("Put jobs into the queue, look at it, and change what it holds.", "mesh_runtime.cli.queue:app")
DOCTOR = Command("Find what is wrong with a running project.", "mesh_runtime.cli.doctor:app")
INGEST = Command("Read a user's export of favourites into their taste vector.", "mesh_runtime.cli.ingest:app")
CANDIDATES = Command("List the users whose taste is nearest to a user's.", "mesh_runtime.cli.candidates:app")
DEMO = Command("Run the whole product once, from a new app to discovery candidates.", "mesh_runtime.cli.demo:app")
