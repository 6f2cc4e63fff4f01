"""The discovery room: candidates, the users nearest to a viewer, and everything after them."""
