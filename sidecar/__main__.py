"""`python -m sidecar` is the command `tidegate`."""

from sidecar.cli.main import main

main()
