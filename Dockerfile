# Proctor as the first process of a container.
#
#   docker build -t proctor .                       (--build-arg BASE=...: another image with python)
#   docker run --name shop -v proctor:/var/lib/proctor -v ./proctor.toml:/etc/shop.toml:ro proctor
#   docker exec shop proctor apply -f /etc/shop.toml
#
# As another user than root: docker run --user proctor.  From outside the container: give a token
# and an address, docker run -e PROCTOR_TOKEN=... -p 8606:8606 proctor proctor serve --host 0.0.0.0.

ARG BASE=python:3.11-slim

FROM ${BASE} AS build
WORKDIR /src
RUN python -m venv /opt/proctor
COPY requirements.lock ./
RUN /opt/proctor/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/proctor/bin/pip install --no-cache-dir --no-deps . \
    && /opt/proctor/bin/python -m compileall -q /opt/proctor/lib

FROM ${BASE}
COPY --from=build /opt/proctor /opt/proctor
RUN groupadd --gid 10001 proctor \
    && useradd --uid 10001 --gid proctor --no-create-home --home-dir /var/lib/proctor proctor \
    && mkdir -m 1777 /var/lib/proctor
# The state's own folder is made by whoever runs the service, root or another: nobody else's will do.
ENV PATH=/opt/proctor/bin:$PATH PROCTOR_STATE_DIR=/var/lib/proctor/state
VOLUME /var/lib/proctor
EXPOSE 8606
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s \
    CMD ["python", "-c", "from proctor.client.sync import Client; Client(patience=0).health()"]
CMD ["proctor", "serve"]
