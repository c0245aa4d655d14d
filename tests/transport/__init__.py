"""Tests of one part."""
