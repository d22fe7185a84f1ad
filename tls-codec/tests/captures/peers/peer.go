// Connects to, or serves, one connection after another: peer.go client|server VERSION PORT.
package main

import (
	"crypto/tls"
	"io"
	"os"
)

func main() {
	role, version, address := os.Args[1], uint16(tls.VersionTLS13), "127.0.0.1:"+os.Args[3]
	if os.Args[2] == "1.2" {
		version = tls.VersionTLS12
	}
	config := &tls.Config{
		ServerName:         "example.com",
		InsecureSkipVerify: true, // the bytes matter, not the peer
		MaxVersion:         version,
		NextProtos:         []string{"h2", "http/1.1"},
	}
	certificate := func(name string) {
		pair, err := tls.LoadX509KeyPair(name+".pem", name+".key")
		check(err)
		config.Certificates = []tls.Certificate{pair}
	}
	if role == "server" {
		certificate("server")
		config.ClientAuth = tls.RequestClientCert
		listener, err := tls.Listen("tcp", address, config)
		check(err)
		for {
			connection, err := listener.Accept()
			check(err)
			go func() {
				io.Copy(connection, connection)
				connection.Close()
			}()
		}
	}
	certificate("client")
	connection, err := tls.Dial("tcp", address, config)
	check(err)
	connection.Write([]byte("hello"))
	io.ReadFull(connection, make([]byte, 5))
	connection.Close()
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
