# One image for all parts: `serve`, `work`, `watchdog` and `migrate` are commands of manage.py.

FROM python:3.12-slim AS packages
COPY requirements/run.lock /
# Wheels only, each checked against its hash: no compiler, and no script of a package runs.
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r /run.lock

FROM python:3.12-slim
RUN useradd --uid 10001 --create-home backtester && install -d -o backtester /data
COPY --from=packages /venv /venv
WORKDIR /app
COPY manage.py pyproject.toml ./
COPY backtester backtester
COPY batches batches
COPY templates templates
COPY static static
ENV PATH=/venv/bin:$PATH DATA_DIR=/data HOST=0.0.0.0 PORT=8000 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER backtester
# Compiled for the processor of the build; on another kind a worker compiles again when it starts.
RUN TRUST_NETWORK=true python manage.py warm_kernels && rm -f /data/secret_key
EXPOSE 8000
ENTRYPOINT ["python", "manage.py"]
CMD ["serve"]
