# One image for the observatory; docker-compose.yml runs it as all that is not somebody else's.
FROM node:22-slim AS packages
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_COMPILE=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /venv
WORKDIR /app
COPY requirements-image.txt ./
# The toolbar is for development. Bytecode is compiled once for all, whatever the files' times will be.
RUN /venv/bin/pip install --require-hashes -r requirements-image.txt \
    && /venv/bin/pip uninstall --yes django-debug-toolbar pip \
    && python -m compileall -q --invalidation-mode unchecked-hash /venv
COPY --from=packages /build/node_modules node_modules
COPY manage.py asgi.py ./
COPY scripts/vendor.py scripts/
COPY deploy/ask.py deploy/daily.sh deploy/relay_runs.py deploy/
COPY observatory observatory
COPY users users
COPY templates templates
COPY signal_log signal_log
RUN python scripts/vendor.py \
    && SECRET_KEY=only-for-collecting-files /venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && rm -rf node_modules scripts requirements-image.txt \
    && python -m compileall -q --invalidation-mode unchecked-hash /app

FROM python:3.13-slim
# Python's own image has no bytecode of the standard library either.
RUN useradd --system --uid 10001 --no-create-home observatory \
    && install --directory --owner observatory --mode 0700 /archive /relay /seal /small /witness \
    && python -m pip uninstall --yes --root-user-action=ignore pip \
    && python -m compileall -q --invalidation-mode unchecked-hash -x '/(tests?|lib2to3|[a-z]+-packages)/' \
        "$(python -c 'import os; print(os.path.dirname(os.__file__))')"
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER observatory
EXPOSE 8000
# Only the proxy can reach it, so its headers are believed.
CMD ["daphne", "--proxy-headers", "--bind", "0.0.0.0", "--port", "8000", "asgi:application"]
