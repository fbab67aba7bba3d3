# What stands between clients and replicas: HAProxy, and iptables for the way kube-proxy does it.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends haproxy iptables tini && rm -rf /var/lib/apt/lists/*
COPY tests/rolling/images/haproxy.cfg tests/rolling/images/checks.cfg tests/rolling/images/swarm.cfg tests/rolling/images/haproxies.sh /routers/
ENTRYPOINT ["tini", "-g", "--"]
