"""Dashboard pages, a module each: parse, authorise, read, render."""
