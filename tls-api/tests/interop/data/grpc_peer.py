"""gRPC, whose TLS is BoringSSL.

grpc_peer.py client PORT CA: calls a method, and prints the error, as the server speaks only TLS.
grpc_peer.py server CERT KEY: prints its port, and serves no method.
"""

import sys
from concurrent import futures

import grpc

role, *files = sys.argv[1:]


def read(name):
    with open(name, "rb") as f:
        return f.read()


if role == "client":
    port, ca = files
    with grpc.secure_channel(f"localhost:{port}", grpc.ssl_channel_credentials(read(ca))) as channel:
        try:
            channel.unary_unary("/interop/Call")(b"hello", timeout=10)
        except grpc.RpcError as error:
            print(error)
else:
    certificate, key = files
    server = grpc.server(futures.ThreadPoolExecutor(1))
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(read(key), read(certificate))]))
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    server.wait_for_termination()
