"""What pages show, a module each, read from the snapshots alone."""
