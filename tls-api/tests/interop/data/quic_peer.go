// quic_peer OPTIONS client PORT CA: sends the bytes of a pattern to a server that echoes them, on each connection.
// quic_peer OPTIONS server CERT KEY: prints its port, and echoes streams.
// Prints what the tests check, one fact per line. The packets are those of golang.org/x/net/quic, as it lies in Go's
// own tree; it updates keys after 100 packets.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/net/quic"
)

var (
	alpn        = flag.String("alpn", "test", "the application protocol")
	name        = flag.String("name", "localhost", "the server name of the client")
	group       = flag.String("group", "", "the only group: P-256 or X25519")
	cert        = flag.String("cert", "", "the certificate of the client")
	key         = flag.String("key", "", "its key")
	ca          = flag.String("ca", "", "the server requires a client certificate of this CA")
	retry       = flag.Bool("retry", false, "the server validates addresses")
	count       = flag.Int("bytes", 1<<16, "how many bytes the client sends")
	connections = flag.Int("connections", 1, "how often the client connects")
)

var groups = map[string]tls.CurveID{"P-256": tls.CurveP256, "X25519": tls.X25519}

func main() {
	flag.Parse()
	config := &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{*alpn}, ServerName: *name}
	if *group != "" {
		config.CurvePreferences = []tls.CurveID{groups[*group]}
	}
	options := &quic.Config{
		TLSConfig: config, RequireAddressValidation: *retry, MaxIdleTimeout: 5 * time.Minute, HandshakeTimeout: 5 * time.Minute,
	}
	if flag.Arg(0) == "client" {
		config.RootCAs = pool(flag.Arg(2))
		config.ClientSessionCache = tls.NewLRUClientSessionCache(8)
		if *cert != "" {
			config.Certificates = []tls.Certificate{pair(*cert, *key)}
		}
		for range *connections {
			if err := connect(flag.Arg(1), options); err != nil {
				fmt.Println("failed", err)
			}
		}
		return
	}
	config.Certificates = []tls.Certificate{pair(flag.Arg(1), flag.Arg(2))}
	if *ca != "" {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, pool(*ca)
	}
	endpoint, err := quic.Listen("udp", "127.0.0.1:0", options)
	check(err)
	fmt.Printf("listening on %s\n", endpoint.LocalAddr())
	for {
		connection, err := endpoint.Accept(context.Background())
		check(err)
		go serve(connection)
	}
}

func connect(port string, options *quic.Config) error {
	ctx := context.Background()
	endpoint, err := quic.Listen("udp", "127.0.0.1:0", nil)
	check(err)
	connection, err := endpoint.Dial(ctx, "udp", "127.0.0.1:"+port, options)
	if err != nil {
		endpoint.Close(ctx)
		return err
	}
	describe(connection)
	stream, err := connection.NewStream(ctx)
	if err != nil {
		return err
	}
	data := make([]byte, *count)
	for i := range data {
		data[i] = byte(i % 251)
	}
	go func() {
		stream.Write(data)
		stream.CloseWrite()
	}()
	received, err := io.ReadAll(stream)
	if err != nil {
		return err
	}
	fmt.Printf("echoed=%v\n", bytes.Equal(received, data))
	return endpoint.Close(ctx)
}

func serve(connection *quic.Conn) {
	for {
		stream, err := connection.AcceptStream(context.Background())
		if err != nil {
			var closed *quic.ApplicationError
			if !errors.As(err, &closed) {
				fmt.Println("failed", err)
			}
			return
		}
		// The handshake is complete: a stream has data under its keys.
		describe(connection)
		io.Copy(stream, stream)
		stream.Close()
	}
}

func describe(connection *quic.Conn) {
	state := connection.ConnectionState()
	fmt.Printf("handshake resumed=%v retried=%v alpn=%s suite=%s certificates=%d name=%s\n", state.DidResume,
		state.HelloRetryRequest, state.NegotiatedProtocol, tls.CipherSuiteName(state.CipherSuite), len(state.PeerCertificates), state.ServerName)
}

func pool(path string) *x509.CertPool {
	pem, err := os.ReadFile(path)
	check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return pool
}

func pair(cert, key string) tls.Certificate {
	pair, err := tls.LoadX509KeyPair(cert, key)
	check(err)
	return pair
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
