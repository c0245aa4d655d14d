"""Resident memory of the service under mixed traffic with contexts."""
