# syntax=docker/dockerfile:1

# The sidecar as a container: non-root, fit for a read-only root file system.
#
#   docker build --tag tidegate .
#   docker run --read-only --tmpfs /tmp --volume tidegate-outbox:/var/lib/tidegate tidegate
#
# It listens on loopback, as a sidecar should: containers of one pod share it. Elsewhere set TIDEGATE_GRPC__LISTEN.

FROM python:3.11-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_NO_COMPILE=0
WORKDIR /src

# Dependencies first: this layer stays as long as the lock does. The lock is complete, less what nothing imports.
COPY requirements/lean.txt requirements/build.txt requirements/
RUN python -m venv /opt/tidegate \
    && /opt/tidegate/bin/pip install --no-deps --require-hashes --requirement requirements/lean.txt \
    && pip install --require-hashes --requirement requirements/build.txt

COPY pyproject.toml README.md LICENSE ./
COPY client client
COPY sidecar sidecar
COPY workbench workbench
COPY detectors detectors
COPY policies policies
COPY models_onnx models_onnx
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /dist ./client . \
    && /opt/tidegate/bin/pip install --no-deps /dist/*.whl

FROM python:3.11-slim

LABEL org.opencontainers.image.title="tidegate" \
      org.opencontainers.image.description="A streaming guardrail that sits beside an LLM application" \
      org.opencontainers.image.licenses="Apache-2.0"

# The group is root's, as platforms that choose a user themselves put it into that group.
RUN groupadd --system --gid 10001 tidegate \
    && useradd --system --uid 10001 --gid tidegate --home-dir /var/lib/tidegate --shell /usr/sbin/nologin tidegate \
    && install --directory --owner=tidegate --group=root --mode=0770 /var/lib/tidegate

COPY --from=build /opt/tidegate /opt/tidegate
COPY policies /etc/tidegate/policies

ENV PATH=/opt/tidegate/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TIDEGATE_OUTBOX__PATH=/var/lib/tidegate/outbox.db \
    TIDEGATE_POLICIES__DIRECTORIES=/etc/tidegate/policies

USER 10001:10001
WORKDIR /var/lib/tidegate
VOLUME /var/lib/tidegate
EXPOSE 50051 9464
STOPSIGNAL SIGTERM

HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["tidegate", "health"]

ENTRYPOINT ["tidegate"]
CMD ["serve"]
