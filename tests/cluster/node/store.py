"""An object store that speaks S3: moto's server, on the node's address, where pods reach it too."""

import sys
import urllib.request

from tests.cluster import settings
from tests.cluster.node import processes

BUCKET = "hptune-test"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test-cluster",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def start() -> None:
    """Starts it and makes the bucket; what is in it goes with the process."""
    processes.start(
        "s3", sys.executable, "-m", "moto.server", "--host", settings.NODE_IP, "--port", str(settings.S3_PORT)
    )
    processes.wait_for("the S3 store", _has_bucket, watching="s3")


def _has_bucket() -> bool:
    request = urllib.request.Request(f"{settings.S3}/{BUCKET}", method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=5):
            return True
    except OSError:
        return False
