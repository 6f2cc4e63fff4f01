"""The scaffold's sub-commands of `mesh`; what is heavy is imported when one is called."""
