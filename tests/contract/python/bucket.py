"""An S3 server of moto with one bucket; says where it is and ends with its standard input."""

import sys

import boto3
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
address = f"http://{host}:{port}"
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
server.stop()
