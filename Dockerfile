FROM python:3.12-slim AS built
WORKDIR /house
COPY requirements.txt ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements.txt
COPY frontend ./frontend
COPY backend ./backend
RUN /venv/bin/python -m backend setup && rm -rf frontend/node_modules

FROM python:3.12-slim
RUN useradd --system --home-dir /house confianza && install -d -m 700 -o confianza /keys
WORKDIR /house
COPY --from=built /venv /venv
COPY --from=built /house ./
COPY migrations ./migrations
ENV PATH="/venv/bin:$PATH" PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER confianza
EXPOSE 8000
ENTRYPOINT ["python", "-m", "backend"]
CMD ["serve"]
