"""Web servers and proxies, from Debian."""

from tests.menagerie import forms
from tests.menagerie.row import Packages, Program

TERM = ("TERM",)
ASK = "curl --silent --show-error --fail --max-time 60 http://127.0.0.1:8000/cgi-bin/slow"
PORT = 8000
UPSTREAM = "@PYTHON@ -IS @APPS@/upstream.py"
UPSTREAM_PORT = 9000

NGINX = """\
daemon off;
user root;
worker_processes 2;
pid @DIR@/nginx.pid;
error_log @DIR@/error.log notice;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path @DIR@/body; proxy_temp_path @DIR@/proxy; fastcgi_temp_path @DIR@/fastcgi;
    uwsgi_temp_path @DIR@/uwsgi; scgi_temp_path @DIR@/scgi;
    server { listen 127.0.0.1:8000; location / { proxy_pass http://127.0.0.1:9000; } }
}
"""
APACHE = """\
ServerRoot @DIR@
ServerName menagerie
PidFile @DIR@/apache.pid
DefaultRuntimeDir @DIR@
Listen 127.0.0.1:8000
User www-data
Group www-data
ErrorLog @DIR@/error.log
LogLevel notice
GracefulShutdownTimeout 20
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
StartServers 1
ProxyPass / http://127.0.0.1:9000/
"""
PHP_FPM = """\
[global]
pid = @DIR@/php.pid
error_log = @DIR@/error.log
process_control_timeout = 20
[www]
user = www-data
group = www-data
listen = 127.0.0.1:8000
pm = static
pm.max_children = 2
clear_env = no
"""
HAPROXY = """\
global
    hard-stop-after 20s
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen web
    bind 127.0.0.1:8000
    server upstream 127.0.0.1:9000
"""
LIGHTTPD = """\
server.modules = ("mod_proxy")
server.document-root = "@DIR@"
server.port = 8000
server.bind = "127.0.0.1"
server.errorlog = "@DIR@/error.log"
server.graceful-shutdown-bg = "disable"
proxy.server = ("" => (("host" => "127.0.0.1", "port" => 9000)))
"""
CADDY = """\
{
	admin off
	auto_https off
}
http://:8000 {
	reverse_proxy 127.0.0.1:9000
}
"""
SQUID = """\
http_port 127.0.0.1:8000 accel defaultsite=localhost no-vhost
cache_peer 127.0.0.1 parent 9000 0 no-query originserver
http_access allow all
cache deny all
pid_filename @DIR@/squid.pid
cache_log @DIR@/error.log
access_log none
coredump_dir @DIR@
shutdown_lifetime 20 seconds
netdb_filename none
pinger_enable off
visible_hostname localhost
"""


def behind(name: str, command: str, **more: object) -> Program:
    """A proxy before the slow upstream."""
    return Program(
        name,
        command,
        companion=UPSTREAM,
        companion_port=UPSTREAM_PORT,
        port=PORT,
        client=ASK,
        logs=("error.log",),
        **more,  # type: ignore[arg-type] # the fields of a Program
    )


PROGRAMS = (
    behind(
        "nginx",
        "nginx -e @DIR@/error.log -c @DIR@/nginx.conf",
        packages=Packages(apt=("nginx-light", "curl")),
        needs=("nginx", "curl"),
        version="nginx -v",
        files={"nginx.conf": NGINX},
        told=r"signal \d+ \(SIG(TERM|QUIT|INT)\) received",
        forms={forms.EXEC: ("TERM", "QUIT", "INT"), forms.START_SH: ("TERM", "QUIT"), forms.SHELL_FORM: TERM,
               forms.PIPELINE: TERM, forms.TRAP: TERM},
        third=(forms.EXEC, (forms.EXEC, "QUIT"), forms.START_SH, forms.TRAP),
        limits="Its own SIGTERM and SIGINT are a fast shutdown, which cuts what is in flight.",
    ),
    behind(
        "Apache httpd",
        "apache2 -f @DIR@/apache.conf -DFOREGROUND",
        packages=Packages(apt=("apache2", "curl")),
        needs=("apache2", "curl"),
        version="apache2 -v",
        files={"apache.conf": APACHE},
        told="caught SIG",
        forms={forms.EXEC: ("TERM", "WINCH", "INT"), forms.START_SH: ("TERM", "WINCH"), forms.PIPELINE: TERM},
        limits="Its own SIGTERM cuts what is in flight.",
    ),
    Program(
        "PHP-FPM",
        "php-fpm8.2 --nodaemonize --fpm-config @DIR@/php-fpm.conf",
        Packages(apt=("php8.2-fpm", "libfcgi-bin")),
        ("php-fpm8.2", "cgi-fcgi"),
        "php-fpm8.2 --version",
        {"php-fpm.conf": PHP_FPM},
        port=PORT,
        client="REQUEST_METHOD=GET SCRIPT_FILENAME=@APPS@/slow.php cgi-fcgi -bind -connect 127.0.0.1:8000",
        finished="^work done",
        told="Terminating|Finishing",
        logs=("error.log",),
        forms={forms.EXEC: ("TERM", "QUIT", "INT"), forms.START_SH: ("TERM", "QUIT"), forms.PIPELINE: TERM},
        advice="`process_control_timeout` greater than 0, or even SIGQUIT cuts what is in flight.",
        limits="Its own SIGTERM and SIGINT cut what is in flight.",
    ),
    behind(
        "HAProxy",
        "haproxy -W -db -f @DIR@/haproxy.cfg",
        packages=Packages(apt=("haproxy", "curl")),
        needs=("haproxy", "curl"),
        version="haproxy -v",
        files={"haproxy.cfg": HAPROXY},
        told="Exiting Master process",
        forms={forms.EXEC: ("TERM", "USR1", "INT"), forms.START_SH: ("TERM", "USR1"), forms.PIPELINE: TERM},
        third=((forms.EXEC, "USR1"), forms.START_SH),
        limits="Its own SIGTERM cuts what is in flight.",
    ),
    behind(
        "HAProxy without master",
        "haproxy -db -f @DIR@/haproxy.cfg",
        packages=Packages(apt=("haproxy", "curl")),
        needs=("haproxy", "curl"),
        version="haproxy -v",
        files={"haproxy.cfg": HAPROXY},
        told="Stopping proxy web|Proxy web stopped",
        forms={forms.EXEC: ("TERM", "USR1"), forms.START_SH: TERM},
    ),
    behind(
        "lighttpd",
        "lighttpd -D -f @DIR@/lighttpd.conf",
        packages=Packages(apt=("lighttpd", "curl")),
        needs=("lighttpd", "curl"),
        version="lighttpd -v",
        files={"lighttpd.conf": LIGHTTPD},
        told="server stopped by",
        forms={forms.EXEC: ("TERM", "INT"), forms.START_SH: ("TERM", "INT")},
        limits="Its own SIGTERM cuts what is in flight; SIGINT is its graceful shutdown.",
        third=((forms.EXEC, "INT"),),
    ),
    behind(
        "Caddy",
        "caddy run --config @DIR@/Caddyfile",
        packages=Packages(apt=("caddy", "curl")),
        needs=("caddy", "curl"),
        version="caddy version",
        files={"Caddyfile": CADDY},
        told="shutting down apps, then terminating|shutting down.{0,40}SIG(INT|TERM)",
        forms={forms.EXEC: ("TERM", "INT", "QUIT"), forms.START_SH: TERM, forms.TRAP: TERM, forms.TIMEOUT: TERM},
        third=(forms.START_SH, forms.TIMEOUT),
    ),
    behind(
        "Squid",
        "squid --foreground -f @DIR@/squid.conf",
        packages=Packages(apt=("squid", "curl")),
        needs=("squid", "curl"),
        version="squid -v",
        files={"squid.conf": SQUID},
        before="chown -R proxy: @DIR@",
        told="Preparing for shutdown",
        limit=25,
        forms={forms.EXEC: ("TERM", "INT"), forms.START_SH: TERM},
        limits="After SIGTERM it waits `shutdown_lifetime` (30 s) whether or not there is something in flight.",
    ),
    Program(
        "busybox httpd",
        "busybox httpd -f -p 127.0.0.1:8000 -h @DIR@/www",
        Packages(apt=("busybox-static", "curl")),
        ("busybox", "curl"),
        "busybox",
        {"www/cgi-bin/slow": "#!/bin/sh\necho work started >>@EVENTS@\nsleep @WORK@\n"
         "printf 'Content-Type: text/plain\\n\\ndone\\n'\n"},
        port=PORT,
        client=ASK + " | grep done",
        told=None,
        forms={forms.EXEC: TERM, forms.START_SH: TERM},
        limits="It has no handler: what is in flight is cut.",
        third=(forms.START_SH,),
    ),
)  # fmt: skip
