"""How `mesh serve` serves: the socket it binds, the process that runs the app, and the loop that restarts it."""
