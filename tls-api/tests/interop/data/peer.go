// peer client PORT CA GROUPS: fetches the page about the connection.
// peer server CERT KEY GROUPS: prints its port, and answers each client with the group and whether it sent a retry.
// GROUPS are separated by colons. Go has its own order.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

var groups = map[string]tls.CurveID{
	"X25519MLKEM768": tls.X25519MLKEM768, "SecP256r1MLKEM768": tls.SecP256r1MLKEM768,
	"X25519": tls.X25519, "P-256": tls.CurveP256, "P-384": tls.CurveP384,
}

func main() {
	config := &tls.Config{ServerName: "localhost", MinVersion: tls.VersionTLS13}
	for _, name := range strings.Split(os.Args[4], ":") {
		config.CurvePreferences = append(config.CurvePreferences, groups[name])
	}
	if os.Args[1] == "client" {
		fetch(config)
	} else {
		serve(config)
	}
}

func fetch(config *tls.Config) {
	ca, err := os.ReadFile(os.Args[3])
	check(err)
	config.RootCAs = x509.NewCertPool()
	config.RootCAs.AppendCertsFromPEM(ca)
	connection, err := tls.Dial("tcp", "127.0.0.1:"+os.Args[2], config)
	check(err)
	fmt.Print(describe(connection))
	fmt.Fprint(connection, "GET / HTTP/1.0\r\n\r\n")
	_, err = io.Copy(os.Stdout, connection)
	check(err)
}

func serve(config *tls.Config) {
	pair, err := tls.LoadX509KeyPair(os.Args[2], os.Args[3])
	check(err)
	config.Certificates = []tls.Certificate{pair}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Printf("listening on %s\n", listener.Addr())
	for {
		socket, err := listener.Accept()
		check(err)
		connection := tls.Server(socket, config)
		if _, err := connection.Read(make([]byte, 1000)); err != nil {
			fmt.Fprintln(os.Stderr, err)
		} else {
			fmt.Fprintf(connection, "HTTP/1.0 200 OK\r\n\r\n%s", describe(connection))
		}
		connection.Close()
	}
}

func describe(connection *tls.Conn) string {
	state := connection.ConnectionState()
	for name, group := range groups {
		if group == state.CurveID {
			return fmt.Sprintf("peer: %s, retry %t\n", name, state.HelloRetryRequest)
		}
	}
	return fmt.Sprintf("peer: %s\n", state.CurveID)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
