# One image for the observatory; docker-compose.yml runs it as web1, web2 and migrate.
FROM node:22-slim AS packages
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /venv
WORKDIR /app
COPY requirements.txt ./
RUN /venv/bin/pip install --require-hashes -r requirements.txt
COPY --from=packages /build/node_modules node_modules
COPY manage.py asgi.py ./
COPY scripts/vendor.py scripts/
COPY deploy/ask.py deploy/
COPY observatory observatory
COPY users users
COPY templates templates
COPY signal_log signal_log
RUN python scripts/vendor.py \
    && SECRET_KEY=only-for-collecting-files /venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && rm -rf node_modules scripts

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home observatory
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER observatory
EXPOSE 8000
CMD ["daphne", "--bind", "0.0.0.0", "--port", "8000", "asgi:application"]
