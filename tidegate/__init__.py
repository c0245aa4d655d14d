"""Tidegate's client: what an application imports to have its token streams guarded."""
