"""An S3 server of moto with one bucket; says where it is and ends with its standard input.

It serves one request at a time: moto looks at a condition and writes without a lock in between.
"""

import sys
import threading

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from waitress import create_server

application = DomainDispatcherApplication(create_backend_app)
server = create_server(application, host="127.0.0.1", port=0, threads=1)
threading.Thread(target=server.run, daemon=True).start()
address = f"http://127.0.0.1:{server.effective_port}"
client = boto3.client(
    "s3",
    endpoint_url=address,
    region_name="us-east-1",
    aws_access_key_id="the-id",
    aws_secret_access_key="the-key",
)
client.create_bucket(Bucket="shelf")
print(address, flush=True)
sys.stdin.read()
server.close()
