import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.file.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicInteger;

/** A server with a shutdown hook that finishes what is in flight. */
public class App {
    static synchronized void say(String what) throws Exception {
        Files.writeString(Path.of(System.getenv("EVENTS")), what + "\n", StandardOpenOption.APPEND);
    }

    public static void main(String[] arguments) throws Exception {
        AtomicInteger inFlight = new AtomicInteger();
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 8000), 50);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", exchange -> {
            inFlight.incrementAndGet();
            try {
                say("work started");
                Thread.sleep((long) (1000 * Double.parseDouble(System.getenv("WORK"))));
                say("work finished");
                exchange.sendResponseHeaders(200, 5);
                exchange.getResponseBody().write("done\n".getBytes());
                exchange.close();
            } catch (Exception error) {
                throw new RuntimeException(error);
            } finally {
                inFlight.decrementAndGet();
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                say("told");
                while (inFlight.get() > 0) Thread.sleep(20);
            } catch (Exception error) {
                throw new RuntimeException(error);
            }
        }));
        server.start();
    }
}
