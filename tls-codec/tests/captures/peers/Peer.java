import java.io.FileInputStream;
import java.net.InetAddress;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.*;

/** Connects to, or serves, one connection after another: Peer.java client|server VERSION PORT. */
public class Peer {
    public static void main(String[] args) throws Exception {
        boolean isServer = args[0].equals("server");
        int port = Integer.parseInt(args[2]);
        String[] versions = args[1].equals("1.2") ? new String[] {"TLSv1.2"} : new String[] {"TLSv1.3", "TLSv1.2"};
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys(isServer ? "server" : "client"), new TrustManager[] {new AcceptAll()}, new SecureRandom());
        InetAddress loopback = InetAddress.getByName("127.0.0.1");
        if (isServer) {
            SSLServerSocket listener = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(port, 5, loopback);
            listener.setEnabledProtocols(versions);
            listener.setWantClientAuth(true);
            while (true) {
                try (SSLSocket socket = (SSLSocket) listener.accept()) {
                    socket.getInputStream().transferTo(socket.getOutputStream());
                } catch (java.io.IOException e) {
                    System.err.println(e);
                }
            }
        }
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(loopback, port);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setProtocols(versions);
        parameters.setServerNames(List.of(new SNIHostName("example.com")));
        parameters.setApplicationProtocols(new String[] {"h2", "http/1.1"});
        socket.setSSLParameters(parameters);
        socket.getOutputStream().write("hello".getBytes());
        socket.getInputStream().readNBytes(5);
        socket.close();
    }

    static KeyManager[] keys(String name) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(new FileInputStream(name + ".p12"), "password".toCharArray());
        KeyManagerFactory factory = KeyManagerFactory.getInstance("PKIX");
        factory.init(store, "password".toCharArray());
        return factory.getKeyManagers();
    }

    /** The bytes matter, not the peer. */
    static class AcceptAll extends X509ExtendedTrustManager {
        public void checkClientTrusted(X509Certificate[] c, String t) {}
        public void checkServerTrusted(X509Certificate[] c, String t) {}
        public void checkClientTrusted(X509Certificate[] c, String t, java.net.Socket s) {}
        public void checkServerTrusted(X509Certificate[] c, String t, java.net.Socket s) {}
        public void checkClientTrusted(X509Certificate[] c, String t, SSLEngine e) {}
        public void checkServerTrusted(X509Certificate[] c, String t, SSLEngine e) {}
        public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
    }
}
