"""`python -m sidecar` is the command `tidegate`."""

from sidecar.cli import main

main()
