"""Tests of Tidegate, laid out like the packages they test."""
