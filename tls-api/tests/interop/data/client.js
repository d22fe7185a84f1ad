// node client.js PORT CA VERSION CIPHERS CURVE [CERT KEY]: fetches the page about the connection.
const tls = require('tls'), fs = require('fs');
const [port, ca, version, ciphers, ecdhCurve, cert, key] = process.argv.slice(2);
const socket = tls.connect({
  host: '127.0.0.1', port, servername: 'localhost', ca: fs.readFileSync(ca), ciphers, ecdhCurve,
  minVersion: version, maxVersion: version,
  cert: cert && fs.readFileSync(cert), key: key && fs.readFileSync(key),
}, () => {
  console.log(`node: ${socket.getProtocol()} ${socket.getCipher().standardName} authorized ${socket.authorized}`);
  const ours = socket.exportKeyingMaterial(32, 'EXPORTER-interop', Buffer.alloc(0));
  console.log(`node: exports ${ours.length} bytes`);
  socket.write('GET / HTTP/1.0\r\n\r\n');
});
socket.pipe(process.stdout);
socket.on('error', (e) => { console.error(e.message); process.exit(1); });
