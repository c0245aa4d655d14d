"""Frameworks for agents, in a process of their own environment."""
