#!/bin/sh
# Regenerates the lock files: exact versions and hashes, no registry URL, one lock for all Pythons and platforms.
set -eu
tool=var/uv
[ -x "$tool/bin/pip" ] || "${PYTHON:-python3}" -m venv "$tool"
"$tool/bin/pip" install --quiet --disable-pip-version-check "uv==${UV_VERSION:?}"

compile() {
    "$tool/bin/uv" pip compile --quiet --universal --python-version "${OLDEST:-3.11}" \
        --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
        --custom-compile-command "make lock" ${UPGRADE:+--upgrade} "$@"
}

compile pyproject.toml --extra project --output-file requirements.txt
compile pyproject.toml --extra project --group dev --constraint requirements.txt --output-file requirements-dev.txt
compile pyproject.toml --extra project --extra archive --extra kafka --extra nats --constraint requirements-dev.txt \
    --output-file requirements-image.txt
compile --group bench --constraint requirements-dev.txt --output-file requirements-bench.txt
compile pyproject.toml --group hosts --constraint requirements-dev.txt --output-file requirements-hosts.txt
compile --group engines --constraint requirements-dev.txt --output-file requirements-engines.txt
compile --group compose --constraint requirements-dev.txt --output-file requirements-compose.txt
(OLDEST=3.12 && compile --group partners --constraint requirements-dev.txt --output-file requirements-partners.txt)
compile --group node --output-file requirements-node.txt
npm install --package-lock-only --ignore-scripts --loglevel=error
"${PYTHON:-python3}" scripts/strip_funding.py package-lock.json scripts/chromium/package-lock.json
