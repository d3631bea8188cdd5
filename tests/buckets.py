"""A server that speaks S3, for the tests that keep something in a bucket; a conftest imports its fixtures."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "bucket"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_DEFAULT_REGION": "us-east-1"}


class Bucket:
    """A bucket on a server that speaks S3."""

    def __init__(self, url: str) -> None:
        self.environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": url, "MINIO_ENDPOINT": url}
        self._client = boto3.client(
            "s3",
            endpoint_url=url,
            aws_access_key_id="id",
            aws_secret_access_key="key",
            region_name="us-east-1",
        )
        self._client.create_bucket(Bucket=BUCKET)

    def __setitem__(self, key: str, content: bytes) -> None:
        self._client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def __getitem__(self, key: str) -> bytes:
        content: bytes = self._client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content

    def keys(self) -> set[str]:
        listed = self._client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {entry["Key"] for entry in listed}

    def empty(self) -> None:
        for key in self.keys():
            self._client.delete_object(Bucket=BUCKET, Key=key)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Bucket]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield Bucket(f"http://{host}:{port}")
    server.stop()


@pytest.fixture
def bucket(s3_server: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket, which this process and those that it starts find under s3:// and minio://."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    s3_server.empty()
    return s3_server
