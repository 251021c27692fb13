#!/bin/bash
# What podman 4.3 without systemd lacks and podman-compose asks for: --requires on containers that have ended, `wait
# --condition=healthy`, health checks at all. Its own configuration is in the environment.
real=/usr/bin/podman
if [ "$1" = --version ]; then
    echo "podman version 4.9.9"
    exit 0
fi
if [ "$1" = wait ]; then
    shift
    condition=stopped
    names=()
    for argument in "$@"; do
        case $argument in
        --condition=*) condition=${argument#*=} ;;
        --ignore) ;;
        *) names+=("$argument") ;;
        esac
    done
    case $condition in healthy | running) ;; *) exec "$real" wait --condition="$condition" "${names[@]}" ;; esac
    for name in "${names[@]}"; do
        for _ in $(seq 90); do
            state=$("$real" inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$name")
            if [ "$condition" = running ]; then
                case $state in running* | "exited 0") continue 2 ;; esac
            elif "$real" healthcheck run "$name" >/dev/null 2>&1; then
                continue 2
            fi
            sleep 1
        done
        echo "$name is not $condition: $state" >&2
        exit 1
    done
    exit 0
fi
arguments=()
for argument in "$@"; do
    case $argument in --requires=*) ;; *) arguments+=("$argument") ;; esac
done
exec "$real" "${arguments[@]}"
