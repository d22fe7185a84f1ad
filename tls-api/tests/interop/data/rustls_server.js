// deno run rustls_server.js CERT KEY: answers each client. Prints its port. Deno's TLS is rustls over AWS-LC.
const [cert, key] = Deno.args.map((path) => Deno.readTextFileSync(path));
const onListen = ({ port }) => console.log(`listening on 127.0.0.1:${port}`);
Deno.serve({ cert, key, hostname: '127.0.0.1', port: 0, onListen }, () => new Response('rustls\n'));
