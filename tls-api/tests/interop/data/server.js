// node server.js CERT KEY VERSION CIPHERS CURVE [CA]: answers each client with the negotiated parameters.
// Requests client certificates if CA is given. Prints its port.
const tls = require('tls'), fs = require('fs');
const [cert, key, version, ciphers, ecdhCurve, ca] = process.argv.slice(2);
const server = tls.createServer({
  cert: fs.readFileSync(cert), key: fs.readFileSync(key), ciphers, ecdhCurve,
  minVersion: version, maxVersion: version,
  ca: ca && fs.readFileSync(ca), requestCert: Boolean(ca), rejectUnauthorized: Boolean(ca),
}, (socket) => {
  const peer = ca ? socket.getPeerCertificate().subject.CN : 'none';
  const body = `${socket.getProtocol()} ${socket.getCipher().standardName} client ${peer}\n`;
  socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`));
});
server.on('tlsClientError', (e) => console.error(e.message));
server.listen(0, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${server.address().port}`));
