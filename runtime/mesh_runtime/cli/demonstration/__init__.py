"""The parts of `mesh demo`: a project that is driven through its commands, and a record of what it did."""
