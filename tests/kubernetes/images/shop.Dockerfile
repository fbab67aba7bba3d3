# What docker/kubernetes/service.yaml speaks of: an application whose image has pyinit as its entrypoint.
FROM pyinit-kubernetes/servers
COPY tests/kubernetes/images/shop.py /app/
ENTRYPOINT ["pyinit", "--"]
