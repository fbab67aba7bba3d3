# All servers and all inits in one image; a variant is chosen by the command. The folder wheels/ is made by tests/rolling/build.py.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends \
        python3 nginx-light libnginx-mod-http-echo tini dumb-init catatonit && rm -rf /var/lib/apt/lists/*
COPY build/rolling/wheels /wheels
RUN PYTHONPATH=$(echo /wheels/pip-*.whl) python3 -m pip install --no-index --find-links /wheels --break-system-packages --root-user-action ignore \
        flask gunicorn starlette uvicorn
COPY pyinit /usr/local/lib/pyinit
RUN python3 -m compileall -q /usr/local/lib/pyinit && ln -s ../lib/pyinit/launcher.sh /usr/local/bin/pyinit
COPY tests/rolling/images/with_flask.py tests/rolling/images/with_starlette.py tests/rolling/images/loading.py \
        tests/rolling/images/nginx.conf tests/rolling/images/start.sh /app/
RUN python3 -m compileall -q /app
WORKDIR /app
