"""Capacity on paper: what so many streams need, from measured figures."""
