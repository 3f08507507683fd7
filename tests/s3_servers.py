"""A real S3 server on loopback (moto's), which checks signatures and rights as Amazon's does."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import httpx
from moto.server import ThreadedMotoServer

BUCKET = "models"
_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
_NOTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}


class S3Server:
    """One server, with a bucket, a user who may do everything and one who may do nothing."""

    def __init__(self) -> None:
        # It tells of every request on the terminal.
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        self._reset()
        root = {"aws_access_key_id": "root", "aws_secret_access_key": "root"}
        self._iam = boto3.client("iam", endpoint_url=self.endpoint, region_name="us-east-1", **root)
        self.good = self._user("good", _EVERYTHING)
        self.powerless = self._user("powerless", _NOTHING)
        keys = {"aws_access_key_id": self.good["accessKeyId"], "aws_secret_access_key": self.good["secretAccessKey"]}
        self._check_rights()
        self.s3 = boto3.client("s3", endpoint_url=self.endpoint, region_name="us-east-1", **keys)
        self.s3.create_bucket(Bucket=BUCKET)

    def _reset(self) -> None:
        httpx.post(f"{self.endpoint}/moto-api/reset").raise_for_status()
        httpx.post(f"{self.endpoint}/moto-api/reset-auth", content=b"inf").raise_for_status()

    def _user(self, name: str, rights: Mapping[str, Any]) -> dict[str, str]:
        self._iam.create_user(UserName=name)
        key = self._iam.create_access_key(UserName=name)["AccessKey"]
        self._iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=json.dumps(rights))
        return {
            "accessKeyId": key["AccessKeyId"],
            "secretAccessKey": key["SecretAccessKey"],
            "endpoint": self.endpoint,
        }

    def _check_rights(self) -> None:
        # From the next request on; until here anybody may do anything, or there would be nobody to make users.
        httpx.post(f"{self.endpoint}/moto-api/reset-auth", content=b"0").raise_for_status()

    def write_credentials(self, folder: Path) -> None:
        """Write a file for everybody who may ask: good, powerless, and some who may not."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, values in (
            ("good", self.good),
            ("powerless", self.powerless),
            ("wrong-secret", {**self.good, "secretAccessKey": "hunter2-hunter2"}),
            ("unknown-key", {**self.good, "accessKeyId": "AKIAUNKNOWNUNKNOWN00"}),
            ("elsewhere", {**self.good, "endpoint": "http://127.0.0.1:9"}),
        ):
            (folder / name).write_text(json.dumps(values))
            (folder / name).chmod(0o600)

    def put(self, key: str, content: bytes) -> str:
        """Put an object into the bucket and return its URL."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return f"s3://{BUCKET}/{key}"

    def content(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def keys(self, prefix: str = "") -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return [one["Key"] for one in found]

    def unfinished(self) -> list[str]:
        """Uploads that were begun and neither completed nor taken back."""
        return [one["Key"] for one in self.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])]

    def close(self) -> None:
        self.s3.close()
        self._iam.close()
        self._server.stop()


@contextmanager
def s3_server() -> Iterator[S3Server]:
    server = S3Server()
    try:
        yield server
    finally:
        server.close()
