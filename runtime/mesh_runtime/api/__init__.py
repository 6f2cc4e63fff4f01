"""What the host's app serves of the runtime over HTTP."""
