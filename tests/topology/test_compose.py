"""docker-compose.yml, its example variables, its proxy and the Dockerfile agree with each other."""

import re
import stat
import tomllib
from pathlib import Path

import pytest

from observatory import environment
from observatory.environment import Environment
from tests.topology import compose

SETTINGS = (compose.ROOT / "observatory" / "settings.py").read_text()
PROXIES = ("proxy", "small")
DOCKERFILE = (compose.ROOT / "Dockerfile").read_text()
LOCKS = ("requirements.txt", "requirements-image.txt")
STORAGE = "AWS_SHARED_CREDENTIALS_FILE"
"""Read by the clients of S3-compatible storage."""
PINNED = re.compile("^[a-z0-9-]+==.*", re.MULTILINE)


def test_the_example_lists_exactly_the_variables_used() -> None:
    """.env.example has every variable of the compose file and no other."""
    assert compose.variables_used() == set(compose.example())


def test_every_variable_has_a_default() -> None:
    """An .env of an older version, or none, starts the site: safely, on this machine only."""
    for service in ("web1", "proxy", "relay", "archive", "witness", "small", "small-web"):
        assert compose.environment(service, {}) == compose.environment(service, dict.fromkeys(compose.example(), ""))
    assert compose.environment("web1", {})["HTTPS"] == "1"
    assert compose.environment("proxy", {})["SITE_ADDRESS"] == "localhost"
    text = (compose.ROOT / "docker-compose.yml").read_text()
    assert {match["name"] for match in compose.VARIABLE.finditer(text) if match["default"] is None} == set()


def test_secrets_are_files_and_not_in_the_repository() -> None:
    """No variable holds one, and Git ignores what does."""
    assert {"/.env", "/deploy/secrets/"} <= set((compose.ROOT / ".gitignore").read_text().split())
    for service in compose.services().values():
        for name, value in service.get("environment", {}).items():
            if value and re.search("PASSWORD|SECRET|TOKEN|EMAIL_URL|RELAYS|ALERTS|LOGS|CREDENTIALS", name):
                assert name.endswith("_FILE")
                assert value.removeprefix("/run/secrets/") in service["secrets"]
            assert not re.search("//[^/]*:[^/]*@", value)


def test_secrets_are_made_once(tmp_path: Path) -> None:
    """They are random or of an older .env, only their owner can enter their folder, and none is replaced."""
    (tmp_path / ".env").write_text("SECRET_KEY=of-before\nEMAIL_URL='smtp://elsewhere'\nAPP_PASSWORD=\n")
    made = compose.make_secrets(tmp_path)
    assert set(made) == compose.secret_files()
    assert (made["secret_key"], made["email_url"]) == ("of-before", "smtp://elsewhere")
    assert re.fullmatch("[0-9a-f]{64}", made["app_password"])
    empty = {name: made.pop(name) for name in ("relays", "alerts", "logs", "archive_keys")}
    assert set(empty.values()) == {""}
    assert len(set(made.values())) == len(made)
    assert stat.S_IMODE((tmp_path / "deploy" / "secrets").stat().st_mode) == 0o700
    assert compose.make_secrets(tmp_path) == {**made, **empty}


def test_a_relay_to_try_is_made_with_its_profile(tmp_path: Path) -> None:
    """Its file holds what the settings take, also later, and what somebody has written is left alone."""
    assert compose.make_secrets(tmp_path, "witness,relay")["relays"].startswith('{"try"')
    file = tmp_path / "deploy" / "secrets" / "relays"
    relays = Environment({"RELAYS": file.read_text()}).document("RELAYS", {})
    assert relays.keys() == {compose.example()["RELAY"]}
    assert Path(relays["try"]["url"]).parent == Path(compose.services()["relay"]["volumes"][0].partition(":")[2])
    for nothing in ("", "\n"):  # as secrets.sh leaves it without the profile
        file.write_text(nothing)
        assert compose.make_secrets(tmp_path)["relays"] == ""
        assert compose.make_secrets(tmp_path, "relay")["relays"]
    file.write_text("{}")
    assert compose.make_secrets(tmp_path, "relay")["relays"] == "{}"


def test_no_service_may_do_more_than_it_must() -> None:
    """None has capabilities, writes outside its volumes, gains rights, is root without need, fills disk or memory."""
    for name, service in compose.services().items():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name in PROXIES else [])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}
        assert re.fullmatch("[0-9]+[mg]", service["mem_limit"]), name
        if service["image"].startswith(("postgres:", "valkey/")):
            assert service["user"] == re.split("[:/]", service["image"])[0]


def test_the_guide_pins_every_public_image() -> None:
    """The loop in docs/deploy.md names those of both files, and not the one that is built here."""
    (named,) = re.findall(r"^for image in (.*); do$", (compose.ROOT / "docs" / "deploy.md").read_text(), re.MULTILINE)
    used = {service["image"] for service in compose.services().values() if "build" not in service}
    assert sorted(named.split()) == sorted(used | set(re.findall(r"^FROM (\S+:\S+)", DOCKERFILE, re.MULTILINE)))


@pytest.mark.parametrize("name", sorted(compose.services()["web1"]["environment"].keys() - {STORAGE}))
def test_the_settings_read_each_variable_of_the_web_processes(name: str) -> None:
    """Every variable given to a web process is read by the settings."""
    assert re.search(rf'["\']{name.removesuffix("_FILE")}["\']', SETTINGS)
    assert not name.endswith("_FILE") or name.removesuffix("_FILE") in environment.SECRETS


def test_without_a_profile_the_whole_site_runs_and_nothing_else() -> None:
    """Each further service has one profile, and what starts with a profile waits for nothing of another one."""
    services = compose.services()
    profile = {name: service.get("profiles", [""]) for name, service in services.items()}
    for name, given in compose.PROFILES.items():
        assert {service for service in services if profile[service] == [name]} == given
    assert {service for service in services if profile[service] == [""]} == {
        *compose.WEB, "db", "layer", "roles", "migrate", "proxy", "mail",
    }  # fmt: skip
    for service, found in services.items():
        assert all(profile[needed] in ([""], profile[service]) for needed in found.get("depends_on", {}))


def test_the_witness_and_the_small_site_share_no_data_with_the_whole_one() -> None:
    """Each has a database and a key of its own."""
    services = compose.services()
    whole = {volume.split(":")[0] for name in (*compose.WEB, "db") for volume in services[name]["volumes"]}
    for name in ("witness", "small-web"):
        assert services[name]["environment"]["DATABASE_URL"].startswith("sqlite:////")
        assert not whole & {volume.split(":")[0] for volume in services[name]["volumes"]}
        assert "app_password" not in services[name]["secrets"]


def test_both_web_processes_are_the_same() -> None:
    """The two web services have the same definition."""
    assert compose.services()["web1"] == compose.services()["web2"]


@pytest.mark.parametrize("name", compose.WEB)
def test_a_web_process_waits_for_migrations_and_has_a_readiness_check(name: str) -> None:
    """A web process starts after the migrations, and its health check asks /readyz."""
    service = compose.services()[name]
    assert service["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert service["healthcheck"]["test"][-1].endswith("/readyz")


def test_the_application_uses_a_role_that_owns_nothing() -> None:
    """Only the migration has the owner's role, after the roles have been made; no process has the superuser's."""
    services = compose.services()
    connecting = {name: service["environment"] for name, service in services.items() if "environment" in service}
    given = {name: (env.get("DATABASE_URL", ""), env.get("DATABASE_PASSWORD_FILE")) for name, env in connecting.items()}
    app = ("postgres://observatory_app@db:5432/observatory", "/run/secrets/app_password")
    owner = ("postgres://observatory_owner@db:5432/observatory", "/run/secrets/owner_password")
    assert {name for name, what in given.items() if what == app} == {*compose.WEB, "relay", "archive"}
    assert {name for name, what in given.items() if what == owner} == {"migrate"}
    assert services["migrate"]["depends_on"] == {"roles": {"condition": "service_completed_successfully"}}
    holders = {
        secret: {name for name, service in services.items() if secret in service.get("secrets", [])}
        for secret in ("postgres_password", "owner_password", "app_password")
    }
    assert holders == {
        "postgres_password": {"db", "roles"},
        "owner_password": {"roles", "migrate"},
        "app_password": {"roles", *compose.WEB, "relay", "archive"},
    }


def test_the_health_checks_use_an_allowed_host() -> None:
    """The hosts that the health checks and the proxy name are in ALLOWED_HOSTS."""
    allowed = compose.services()["web1"]["environment"]["ALLOWED_HOSTS"].split(",")
    assert {"localhost", *compose.WEB} <= set(allowed)
    assert {"localhost", "small-web"} <= set(compose.environment("small-web", {})["ALLOWED_HOSTS"].split(","))


def test_every_service_has_a_health_check() -> None:
    """Every service has a health check, except those that run once."""
    without = {name for name, service in compose.services().items() if "test" not in service["healthcheck"]}
    assert without == {"migrate", "roles"}


def test_dependencies_exist_and_can_be_waited_for() -> None:
    """A service waits only for services that exist and, if they must be healthy, have a health check."""
    services = compose.services()
    for service in services.values():
        for name, wait in service.get("depends_on", {}).items():
            assert name in services
            if wait["condition"] == "service_healthy":
                assert "test" in services[name]["healthcheck"]


@pytest.mark.parametrize("name", ["archive", "db", "layer", "mail", "proxy", "relay", "small-web", "witness"])
def test_persistent_data_is_in_named_volumes(name: str) -> None:
    """The data of these services survives the removal of their containers."""
    volumes = [text.split(":")[0] for text in compose.services()[name]["volumes"]]
    assert set(volumes) & set(compose.read()["volumes"])


def test_only_the_proxy_can_be_opened_to_the_network() -> None:
    """All ports are bound to this machine, the proxy's unless .env says otherwise."""
    for name, service in compose.services().items():
        for port in service.get("ports", []):
            assert port.startswith("${BIND_ADDRESS:-127.0.0.1}:" if name in PROXIES else "127.0.0.1:")
    assert compose.example()["BIND_ADDRESS"] == "127.0.0.1"


def test_images_are_pinned_to_a_version() -> None:
    """Every foreign image has a version tag."""
    for service in compose.services().values():
        if "build" not in service:
            assert re.fullmatch(r"[a-z/]+:v?\d[\d.]*", service["image"])


def test_the_proxy_uses_both_web_processes_and_hides_the_metrics() -> None:
    """Requests go to both web processes, and /metrics is not public."""
    proxy = (compose.ROOT / "deploy" / "Caddyfile").read_text()
    assert "reverse_proxy {$UPSTREAMS:web1:8000 web2:8000} {" in proxy
    assert "respond /metrics 404" in proxy
    assert "header_up X-Request-ID {http.request.uuid}" in proxy  # or a client's would be believed


def test_the_proxy_takes_requests_as_large_as_the_application_does() -> None:
    """What is larger is answered by the proxy, and nothing that the application takes."""
    proxy = (compose.ROOT / "deploy" / "Caddyfile").read_text()
    largest = re.search(r"^MAX_BODY_BYTES = ([0-9_]+)$", SETTINGS, re.MULTILINE)
    limit = re.search(r"request_body \{\s+max_size ([0-9]+)KiB\s+\}", proxy)
    assert largest is not None
    assert limit is not None
    assert int(largest[1]) == int(limit[1]) * 1024


def test_the_image_is_installed_from_the_lock_and_does_not_run_as_root() -> None:
    """Packages are those of the project and more, with hashes, and the image runs as its own user."""
    assert "pip install --require-hashes -r requirements-image.txt" in DOCKERFILE
    project, image = (set(PINNED.findall((compose.ROOT / name).read_text())) for name in LOCKS)
    assert project < image
    last = DOCKERFILE.rsplit("FROM ", 1)[1]
    assert "\nUSER observatory\n" in last


def test_the_image_has_what_an_archive_and_each_relay_need() -> None:
    """Whatever these extras come to name is in its lock."""
    extras = tomllib.loads((compose.ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    needed = {re.split(r"[\[>]", one)[0] for extra in ("archive", "kafka", "nats") for one in extras[extra]}
    pinned = PINNED.findall((compose.ROOT / "requirements-image.txt").read_text())
    assert needed <= {line.partition("==")[0] for line in pinned}


def test_the_image_is_built_from_files_in_the_build_context() -> None:
    """Every copied file exists and is not excluded by .dockerignore."""
    sent = {line[1:] for line in (compose.ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (compose.ROOT / source).exists()
            assert source in sent
