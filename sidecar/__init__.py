"""Tidegate's service: streams go in through the transports, and what the policy allows comes out."""
