"""What the scaffold and the runtime agree on: error values and the models of `mesh.toml` and `plugin.toml`.

Importing this package imports nothing else; the models load pydantic when their module is imported.
"""
