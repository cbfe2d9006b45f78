# Countinghouse. `docker build .` makes the production image; `--target test` one that has also what
# the tests need. Nothing here is a secret, and none is read while it is built.
ARG PYTHON_IMAGE=python:3.13-slim
ARG POSTGRES_IMAGE=postgres:18

# pg_dump and pg_restore of the server's own version, for backups, with all that they are linked to:
# the two images needn't be of the same Debian.
FROM ${POSTGRES_IMAGE} AS postgres
RUN set -eu; mkdir -p /client/bin /client/lib; \
    for name in pg_dump pg_restore; do \
        program=$(ls /usr/lib/postgresql/*/bin/$name /usr/local/bin/$name 2>/dev/null | head -n 1); \
        cp -L "$program" "/client/lib/$name"; \
        cp -L $(ldd "$program" | grep -o '/[^ )]*') /client/lib/; \
        loader=$(ldd "$program" | grep -o '/[^ )]*/ld-[^ )]*'); \
        printf '#!/bin/sh\nexec %s --library-path %s %s "$@"\n' "/opt/postgres/lib/${loader##*/}" \
            /opt/postgres/lib "/opt/postgres/lib/$name" > "/client/bin/$name"; \
    done; chmod 755 /client/bin/* /client/lib/*

FROM ${PYTHON_IMAGE} AS build
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv --without-pip /opt/venv && \
    python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: --requirement requirements.txt
COPY . .
# Static files are hashed, compressed and named for good. The settings want values; these are used
# for nothing else and stay in no layer.
RUN COUNTINGHOUSE_ENV=production SECRET_KEY=build ALLOWED_HOSTS=build STRIPE_WEBHOOK_SECRETS=build \
        DATABASE_URL=postgres://build /opt/venv/bin/python manage.py collectstatic --no-input && \
    /opt/venv/bin/python -m compileall -q /app

FROM ${PYTHON_IMAGE} AS production
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip* && \
    useradd --uid 10001 --user-group --home-dir /tmp --no-create-home \
        --shell /usr/sbin/nologin app && \
    install --directory --owner app --group app --mode 700 /backups
COPY --from=postgres /client /opt/postgres
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:/opt/postgres/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    COUNTINGHOUSE_ENV=production \
    COUNTINGHOUSE_DATA_DIR=/tmp \
    WEB_CONCURRENCY=2
WORKDIR /app
USER app
RUN python -c "import django, psycopg" && pg_dump --version && pg_restore --version
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", \
    "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--worker-tmp-dir", "/dev/shm",]

FROM build AS tools
RUN python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --requirement requirements-dev.txt

# The production image, the development lock and a browser: the suite runs on what is deployed.
FROM production AS test
USER root
RUN apt-get update && \
    apt-get install --yes --no-install-recommends chromium fonts-dejavu-core git libatomic1 make && \
    rm -rf /var/lib/apt/lists/*
COPY --from=tools /opt/venv /opt/venv
RUN chown --recursive app:app /app
ENV COUNTINGHOUSE_ENV=test CI=true
USER app
HEALTHCHECK NONE
CMD ["python", "-m", "pytest", "-n", "logical", "--quiet", "-rfEs"]

# What is built without --target.
FROM production
