"""The commands of the runtime; each module is loaded only when its command is called."""
