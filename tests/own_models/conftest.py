"""These tests need PyTorch, which the main environment has not: `make test` runs them in the one that has it."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["test_*.py"]
