"""Asks through the providers' and the frameworks' own clients, in the environment that has them. See `__main__`."""
