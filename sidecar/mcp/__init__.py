"""Servers of the Model Context Protocol, guarded: what their clients and they say to each other."""
