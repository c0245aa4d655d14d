"""Tidegate inside frameworks, in the form that each has for a guard: a module for each, which alone imports it.

A form that can only stop something stops also what a policy would have changed: nothing passes that a policy replaces.
"""
