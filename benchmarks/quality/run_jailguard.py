"""JailGuard over many texts: JSON strings on stdin, one a line; scores and CPU seconds out.

Stands alone: runs in JailGuard's environment. Its embedding model must be in its cache (`JAILGUARD_MODEL_DIR`): nothing
is downloaded here.
"""

import importlib.metadata
import json
import sys
import time
from pathlib import Path

import jailguard


def main() -> None:
    """Read texts, write the score of each."""
    if not any(Path(jailguard.model_cache_dir()).glob("*.onnx")):
        sys.exit(
            f"jailguard's embedding model is not in {Path(jailguard.model_cache_dir()).name}, and none is downloaded"
        )
    print(json.dumps({"jailguard": importlib.metadata.version("jailguard")}), flush=True)
    jailguard.detect("warm up")
    for line in sys.stdin:
        begun = time.process_time()
        score = jailguard.detect(json.loads(line)).score
        print(json.dumps({"scores": {"injection": score}, "seconds": time.process_time() - begun}), flush=True)


if __name__ == "__main__":
    main()
