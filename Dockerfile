# One image for all parts: `serve`, `work`, `watchdog` and `migrate` are commands of manage.py.

# Any Debian with `python` 3.11 or newer and its venv: `.ci/image` builds on one that it makes itself.
ARG BASE=python:3.12-slim

FROM ${BASE} AS packages
COPY requirements/run.lock /
# Wheels only, each checked against its hash: no compiler, and no script of a package runs.
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r /run.lock

FROM ${BASE}
RUN useradd --uid 10001 --create-home backtester && install -d -m 700 -o backtester /data
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
