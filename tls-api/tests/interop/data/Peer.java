// java Peer.java client PORT CA VERSION SUITE: fetches the page about the connection.
// java Peer.java server P12 PASSWORD VERSION SUITE: answers each client with the negotiated parameters; prints its port.
import java.io.*;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.List;
import javax.net.ssl.*;

public class Peer {
    public static void main(String[] words) throws Exception {
        if (words[0].equals("client")) client(words); else server(words);
    }

    static void client(String[] words) throws Exception {
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        try (InputStream in = new FileInputStream(words[2])) {
            trusted.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        int port = Integer.parseInt(words[1]);
        try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket("127.0.0.1", port)) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setServerNames(List.of(new SNIHostName("localhost")));
            parameters.setProtocols(new String[] {words[3]});
            parameters.setCipherSuites(new String[] {words[4]});
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            System.out.println("java: " + socket.getSession().getProtocol() + " " + socket.getSession().getCipherSuite());
            socket.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            socket.getOutputStream().flush();
            socket.getInputStream().transferTo(System.out);
        }
    }

    static void server(String[] words) throws Exception {
        char[] password = words[2].toCharArray();
        KeyStore own = KeyStore.getInstance("PKCS12");
        try (InputStream in = new FileInputStream(words[1])) {
            own.load(in, password);
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(own, password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        SSLServerSocketFactory factory = context.getServerSocketFactory();
        try (SSLServerSocket listener =
                (SSLServerSocket) factory.createServerSocket(0, 8, InetAddress.getByName("127.0.0.1"))) {
            listener.setEnabledProtocols(new String[] {words[3]});
            listener.setEnabledCipherSuites(new String[] {words[4]});
            System.out.println("listening on 127.0.0.1:" + listener.getLocalPort());
            while (true) {
                try (SSLSocket socket = (SSLSocket) listener.accept()) {
                    socket.startHandshake();
                    BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream()));
                    for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {}
                    String body = socket.getSession().getProtocol() + " " + socket.getSession().getCipherSuite() + "\n";
                    String head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + body.length() + "\r\n\r\n";
                    socket.getOutputStream().write((head + body).getBytes(StandardCharsets.US_ASCII));
                } catch (IOException e) {
                    System.err.println(e.getMessage());
                }
            }
        }
    }
}
