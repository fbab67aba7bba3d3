import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

/** A server whose shutdown hook takes 8 s, as one does that writes its caches. It serves until then. */
public class Server {
    public static void main(String[] arguments) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress(8000), 50);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", exchange -> {
            try {
                Thread.sleep(30);
            } catch (InterruptedException error) {
                throw new RuntimeException(error);
            }
            exchange.sendResponseHeaders(200, 5);
            exchange.getResponseBody().write("done\n".getBytes());
            exchange.close();
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                Thread.sleep(8000);
            } catch (InterruptedException error) {
                throw new RuntimeException(error);
            }
        }));
        server.start();
    }
}
