# The same application from an image that knows of no init: start.sh and a CMD.
FROM pyinit-kubernetes/servers
RUN rm -r /usr/local/bin/pyinit /usr/local/lib/pyinit
COPY tests/kubernetes/images/shop.py tests/kubernetes/images/start.sh /app/
RUN ln -s /app/start.sh /start.sh
ENTRYPOINT ["/start.sh"]
CMD ["gunicorn", "--bind=0.0.0.0:8080", "shop:app"]
