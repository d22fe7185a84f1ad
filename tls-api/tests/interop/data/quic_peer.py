"""A peer of the QUIC tests: aioquic as a server that echoes streams, or as a client that sends to such a server.

Prints what the tests check, one fact per line.
"""

import argparse
import asyncio
import collections
import ssl
import sys

from aioquic.asyncio import QuicConnectionProtocol, connect, serve
from aioquic.quic import crypto, events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.packet import QuicProtocolVersion
from aioquic.tls import CipherSuite, Context

UPDATES = collections.Counter()
# Keys are updated after so many received bytes.
PHASE = 1 << 19


def say(line):
    print(line, flush=True)


def count_updates():
    """Counts the key updates of either side."""
    update = crypto.CryptoPair._update_key

    def counted(self, trigger):
        UPDATES[trigger] += 1
        update(self, trigger)

    crypto.CryptoPair._update_key = counted


class Peer(QuicConnectionProtocol):
    def quic_event_received(self, event):
        if isinstance(event, events.HandshakeCompleted):
            tls = self._quic.tls
            certificates = int(tls._peer_certificate is not None)
            say(f"handshake resumed={int(event.session_resumed)} early={int(event.early_data_accepted)} "
                f"alpn={event.alpn_protocol} suite={tls.key_schedule.cipher_suite.name} certificates={certificates}")
        elif isinstance(event, events.ConnectionTerminated):
            say(f"closed code={event.error_code:#x} reason={event.reason_phrase}")
            say(f"updates local={UPDATES['local_update']} remote={UPDATES['remote_update']}")
        super().quic_event_received(event)


def configuration(args, is_client):
    config = QuicConfiguration(is_client=is_client, alpn_protocols=[args.alpn], idle_timeout=300)
    if args.version_2:
        config.supported_versions = [QuicProtocolVersion.VERSION_2]
    if args.suite:
        config.cipher_suites = [CipherSuite[args.suite]]
    if args.cert:
        config.load_cert_chain(args.cert, args.key)
    if args.ca:
        config.load_verify_locations(args.ca)
    return config


async def run_server(args):
    sessions = {}
    fetched = []

    def fetch(ticket):
        fetched.append(ticket)
        return None if args.forget else sessions.pop(ticket, None)

    def respond(reader, writer):
        async def echo():
            protocol, since = writer.transport.protocol, 0
            while data := await reader.read(1 << 16):
                writer.write(data)
                since += len(data)
                if args.updates and since >= PHASE:
                    since = 0
                    protocol.request_key_update()
                protocol.transmit()
            writer.write_eof()

        TASKS.append(asyncio.ensure_future(echo()))

    if args.request_certificate:
        initialize = Context.__init__

        def requesting(self, *arguments, **options):
            initialize(self, *arguments, **options)
            self._request_client_certificate = True

        Context.__init__ = requesting
    server = await serve(
        "127.0.0.1", 0, configuration=configuration(args, False), create_protocol=Peer, retry=args.retry,
        session_ticket_fetcher=fetch, session_ticket_handler=lambda ticket: sessions.update({ticket.ticket: ticket}),
        stream_handler=respond)
    say(f"listening on 127.0.0.1:{server._transport.get_extra_info('sockname')[1]}")
    # Ends with the test.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


async def run_client(args):
    tickets = []
    config = configuration(args, True)
    config.verify_mode = ssl.CERT_REQUIRED
    config.server_name = args.name
    data = bytes(range(256)) * (args.bytes // 256)
    for _ in range(args.connections):
        early = bool(config.session_ticket)
        async with connect("127.0.0.1", args.port, configuration=config, create_protocol=Peer,
                           session_ticket_handler=tickets.append, wait_connected=not early) as protocol:
            reader, writer = await protocol.create_stream()
            received = bytearray()
            for at in range(0, len(data), PHASE):
                writer.write(data[at:at + PHASE])
                protocol.transmit()
                while len(received) < min(at + PHASE, len(data)):
                    part = await reader.read(1 << 16)
                    if not part:
                        return
                    received += part
                if args.updates:
                    protocol.request_key_update()
            writer.write_eof()
            received += await reader.read()
            say(f"echoed={int(received == data)}")
            # The server sends its tickets first.
            await protocol.ping()
            protocol.close()
            await protocol.wait_closed()
        config.session_ticket = tickets[-1] if tickets else None


TASKS = []


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["server", "client"])
    parser.add_argument("--port", type=int)
    parser.add_argument("--name", default="localhost")
    parser.add_argument("--alpn", default="test")
    parser.add_argument("--suite")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--ca")
    parser.add_argument("--bytes", type=int, default=1 << 16)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--retry", action="store_true")
    parser.add_argument("--forget", action="store_true")
    parser.add_argument("--version-2", action="store_true")
    parser.add_argument("--updates", action="store_true")
    parser.add_argument("--request-certificate", action="store_true")
    args = parser.parse_args()
    count_updates()
    try:
        asyncio.run({"server": run_server, "client": run_client}[args.role](args))
    except ConnectionError:
        say("not connected")


main()
