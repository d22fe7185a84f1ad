"""The OpenSSL that pyOpenSSL brings.

openssl_peer.py client PORT CA GROUPS: fetches the page about the connection.
openssl_peer.py server CERT KEY GROUPS: prints its port, and answers each client with the group.
"""

import socket
import sys

from OpenSSL import SSL
from OpenSSL._util import lib

role, first, second, groups = sys.argv[1:]
context = SSL.Context(SSL.TLS_METHOD)
context.set_min_proto_version(SSL.TLS1_3_VERSION)
# pyOpenSSL has no method for it.
assert lib.SSL_CTX_set1_curves_list(context._context, groups.encode()) == 1, groups


def describe(connection):
    return f"peer: {connection.get_group_name()}\n"


if role == "client":
    context.load_verify_locations(second)
    context.set_verify(SSL.VERIFY_PEER)
    connection = SSL.Connection(context, socket.create_connection(("127.0.0.1", int(first))))
    connection.set_tlsext_host_name(b"localhost")
    connection.set_connect_state()
    connection.do_handshake()
    print(describe(connection), end="")
    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
    try:
        while True:
            sys.stdout.write(connection.recv(1000).decode())
    except SSL.ZeroReturnError:
        pass
else:
    context.use_certificate_chain_file(first)
    context.use_privatekey_file(second)
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    while True:
        connection = SSL.Connection(context, listener.accept()[0])
        connection.set_accept_state()
        try:
            connection.recv(1000)
            connection.sendall(f"HTTP/1.0 200 OK\r\n\r\n{describe(connection)}".encode())
            connection.shutdown()
            connection.sock_shutdown(socket.SHUT_WR)
        except SSL.Error as error:
            print(error, file=sys.stderr)
