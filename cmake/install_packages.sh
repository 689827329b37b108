# Sourced by cli/quickstart and tests/run, with $root set to the repository. install_packages SECTION... installs what
# cmake/packages.txt lists and dpkg does not know yet; when nothing is missing it does nothing and needs no rights.
# shellcheck shell=sh disable=SC2154

say() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
}

die() {
    say "error: $*"
    exit 1
}

# list_packages SECTION: its lines without comments.
list_packages() {
    sed -e 's/#.*//' "$root/cmake/packages.txt" |
        awk -v wanted="[$1]" '/^\[/ { inside = ($1 == wanted); next } inside && NF { print $1, $2 }'
}

# have_command NAME[>=MAJOR]: true if NAME is on the PATH and its --version is not below MAJOR.
have_command() {
    command -v "${1%%>=*}" >/dev/null 2>&1 || return 1
    case $1 in
    *'>='*) ;;
    *) return 0 ;;
    esac
    found=$("${1%%>=*}" --version 2>/dev/null | sed -n '1s/^[^0-9]*\([0-9][0-9]*\).*/\1/p')
    [ "${found:-0}" -ge "${1##*>=}" ]
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing_packages() {
    for section in "$@"; do
        list_packages "$section"
    done | while read -r first second; do
        case $first in
        command:*)
            if ! have_command "${first#command:}" && ! is_installed "$second"; then
                printf '%s\n' "$second"
            fi
            ;;
        *)
            if ! is_installed "$first"; then
                printf '%s\n' "$first"
            fi
            ;;
        esac
    done
}

# as_root COMMAND...
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

install_packages() {
    missing=$(missing_packages "$@" | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null 2>&1 ||
        die "this system has no apt-get; install the equivalents of these Debian packages yourself: $missing"
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
        die "packages are missing, and there is no sudo; as root run: apt-get install --no-install-recommends $missing"
    fi
    say "installing: $missing"

    # Debian starts the servers that it installs, and makes a cluster for PostgreSQL. None of them is needed here.
    without_cluster=/etc/postgresql-common/createcluster.d/relay-admin.conf
    without_start=/usr/sbin/policy-rc.d
    made=
    trap 'as_root rm -f $made' EXIT
    trap 'exit 130' INT TERM
    if ! is_installed postgresql; then
        made=$without_cluster
        as_root mkdir -p "${without_cluster%/*}"
        echo 'create_main_cluster = false' | as_root tee "$without_cluster" >/dev/null
    fi
    if [ ! -e "$without_start" ]; then
        made="$made $without_start"
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$without_start" >/dev/null
        as_root chmod 755 "$without_start"
    fi

    status=0
    as_root apt-get update -q || status=$?
    # shellcheck disable=SC2086 # a list of words
    [ "$status" -ne 0 ] || as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends $missing || status=$?

    # shellcheck disable=SC2086 # a list of words
    as_root rm -f $made
    trap - EXIT INT TERM
    [ "$status" -eq 0 ] || die "apt-get failed; nothing was built"
}
