"""Calls, or serves, over gRPC, whose TLS is BoringSSL: grpc_peer.py client|server PORT."""

import sys
from concurrent import futures

import grpc


def read(name):
    with open(name, "rb") as f:
        return f.read()


role, address = sys.argv[1], f"127.0.0.1:{sys.argv[2]}"
if role == "server":
    server = grpc.server(futures.ThreadPoolExecutor(2))
    credentials = grpc.ssl_server_credentials([(read("server.key"), read("chain.pem"))])
    server.add_secure_port(address, credentials)
    server.start()
    server.wait_for_termination()
else:
    credentials = grpc.ssl_channel_credentials(read("ca.pem"), read("client.key"), read("client.pem"))
    with grpc.secure_channel(address, credentials, [("grpc.ssl_target_name_override", "example.com")]) as channel:
        try:
            channel.unary_unary("/example/Call")(b"hello", timeout=2)
        except grpc.RpcError as error:  # no service is there, or the server speaks only TLS
            print(error)
