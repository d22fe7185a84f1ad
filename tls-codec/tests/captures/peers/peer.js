// Connects to, or serves, one connection after another: peer.js client|server VERSION PORT.
const fs = require('fs');
const tls = require('tls');

const [role, version, port] = process.argv.slice(2);
const files = (name) => ({ cert: fs.readFileSync(`${name}.pem`), key: fs.readFileSync(`${name}.key`) });
const common = { host: '127.0.0.1', port: Number(port), maxVersion: `TLSv${version}`, rejectUnauthorized: false };
if (role === 'server') {
  const options = { ...common, ...files('server'), ca: fs.readFileSync('ca.pem'), requestCert: true, ALPNProtocols: ['h2'] };
  const server = tls.createServer(options, (socket) => socket.on('error', () => {}).pipe(socket));
  server.on('tlsClientError', () => {}).listen(Number(port), '127.0.0.1');
} else {
  const options = { ...common, ...files('client'), servername: 'example.com', ALPNProtocols: ['h2', 'http/1.1'] };
  const socket = tls.connect(options, () => socket.write('hello'));
  socket.on('data', () => socket.end());
}
