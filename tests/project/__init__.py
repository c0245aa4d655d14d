"""Tests of the project itself: its container, its lock, what its files may say."""
