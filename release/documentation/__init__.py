"""What the documents say of the tree, compared with it: their links, and the commands they name."""
