"""Pages of one's own account: signing in, the password, the second factor."""
