"""Connects to, or serves, HTTP/3 by aioquic: quic_peer.py client|server PORT."""

import asyncio
import ssl
import sys

from aioquic.asyncio import connect, serve
from aioquic.quic.configuration import QuicConfiguration


async def main(role, port):
    configuration = QuicConfiguration(is_client=role == "client", alpn_protocols=["h3"], server_name="example.com")
    if role == "server":
        configuration.load_cert_chain("chain.pem", "server.key")
        await serve("127.0.0.1", port, configuration=configuration)
        await asyncio.Future()
    configuration.verify_mode = ssl.CERT_NONE
    async with connect("127.0.0.1", port, configuration=configuration) as client:
        await client.ping()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
