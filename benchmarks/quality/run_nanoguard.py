"""NanoGuard (`metatronnanoguard`) over many texts: JSON strings on stdin, one a line; scores and CPU seconds out.

Stands alone: runs in NanoGuard's environment. It reads the first 512 tokens of a text, as it is made.
"""

import importlib.metadata
import json
import sys
import time

from nanoguard import NanoGuard


def main() -> None:
    """Read texts, write the score of each."""
    guard = NanoGuard(device="cpu")
    versions = {name: importlib.metadata.version(name) for name in ("metatronnanoguard", "torch")}
    print(json.dumps(versions), flush=True)
    guard.scan("warm up")
    for line in sys.stdin:
        begun = time.process_time()
        score = guard.scan(json.loads(line)).injection_score
        print(json.dumps({"scores": {"injection": score}, "seconds": time.process_time() - begun}), flush=True)


if __name__ == "__main__":
    main()
