"""What `pii` and `secrets` find in code, lock files, logs and diffs, where there is next to nothing to be found."""
