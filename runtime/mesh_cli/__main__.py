"""`python -m mesh_cli` is `mesh`, for environments whose scripts are not on PATH."""

from mesh_cli.main import main

main()
