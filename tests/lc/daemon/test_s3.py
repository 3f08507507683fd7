"""A whole node and a real S3 server: a model that only S3 has, in a worker that asks S3 with its own credential."""

from __future__ import annotations

import json
from pathlib import Path

from sedna.common.digests import digest
from tests.lc.daemon.nodes import NodeUnderTest
from tests.s3_servers import BUCKET, s3_server

# User code as users write it: the library finds the credential, whatever it is called.
SCRIPT = """
import os, sys
from sedna.common.file_ops import FileOps
from sedna.service.client import LCClient

path = os.path.join(os.environ["MODEL_URL"], "model.txt")
FileOps.download(sys.argv[1], path)
with open(path, "a") as model:
    model.write(" on " + open(os.environ["BASE_MODEL_URL"]).read())
FileOps.upload(path, sys.argv[1] + ".trained", clean=False)
body = {"name": os.environ["WORKER_NAME"], "namespace": os.environ["NAMESPACE"], "kind": "train", "status": "completed"}
body["results"] = [{"format": "txt", "url": path, "metrics": {}}]
LCClient.send(os.environ["LC_SERVER"], os.environ["WORKER_NAME"], body)
"""


def test_w04_a_worker_trains_on_what_only_s3_has(node: NodeUnderTest) -> None:
    with s3_server() as server:
        credentials = node.folder / "credentials"
        base, data = server.put("base.txt", b"a base model"), server.put("data.txt", b"data")
        (node.folder / "images/app/v1/app/run.py").write_text(SCRIPT)
        node.configure(credentialsDir=str(credentials))
        node.start()
        models = [{"name": "base", "url": base, "credentialName": "good"}]
        node.want("j-train-1", data, models=models)
        node.gm.wait_until(lambda: node.status("j-train-1").get("reason") == "CredentialNotFound", seconds=40)
        assert str(credentials / "good") in node.status("j-train-1")["message"]
        server.write_credentials(credentials)
        status = node.wait_for("j-train-1", "Succeeded")
        model = node.folder / "out/train/1/model.txt"
        assert model.read_text() == "data on a base model"
        assert [(one["url"], one["sha256"]) for one in status["results"]] == [(str(model), digest(model))]
        assert server.content("data.txt.trained") == b"data on a base model"
        # The same, with its model taken to S3.
        job = f"s3://{BUCKET}/job"
        node.want("j-train-2", data, models=models, jobOutputDir=job, outputDir=f"{job}/train/2", credentialName="good")
        (result,) = node.wait_for("j-train-2", "Succeeded")["results"]
        assert result["url"] == f"{job}/train/2/{result['sha256'][:12]}/model.txt"
        assert server.content(result["url"].removeprefix(f"s3://{BUCKET}/")) == b"data on a base model"
        assert node.stop() == 0
        secret = server.good["secretAccessKey"].encode()
        assert not [path for path in _files(node.folder) if secret in path.read_bytes()]
        assert secret.decode() not in json.dumps(node.gm.resources)
        assert BUCKET in node.log.read_text()


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.parent != folder / "credentials"]
