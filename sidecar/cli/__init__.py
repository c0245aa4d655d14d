"""The command `tidegate`: `main`, and a module for each group of commands."""
