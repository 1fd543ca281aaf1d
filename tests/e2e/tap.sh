# SPDX-License-Identifier: GPL-3.0-or-later
# TAP for the end-to-end scripts: source it, call `check NAME COMMAND...`, end with `finish`.
# $SPAMGAUGE is the program; each script has a scratch folder of its own in $work with its own store.
set -uo pipefail
export LC_ALL=C.UTF-8
work=$(mktemp -d "${TMPDIR:-/tmp}/spamgauge-e2e.XXXXXX")
trap 'rm -rf "$work"' EXIT
export SPAMGAUGE_DATA=$work/data XDG_CACHE_HOME=$work/cache XDG_CONFIG_HOME=$work/config HOME=$work
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
count=0 bad=0

ok() { count=$((count + 1)); echo "ok $count - $1"; }
not_ok() { count=$((count + 1)); bad=$((bad + 1)); echo "not ok $count - $1"; }
skip() { count=$((count + 1)); echo "ok $count - $1 # SKIP $2"; }

# check NAME COMMAND...: passes when the command does; its output is shown when not
check() {
    local name=$1
    shift
    if "$@" >"$work/check.log" 2>&1; then ok "$name"; else
        not_ok "$name"
        sed 's/^/# /' "$work/check.log" | head -n 40
    fi
}
# same NAME EXPECTED ACTUAL
same() {
    if [[ $2 == "$3" ]]; then ok "$1"; else
        not_ok "$1"
        printf '# expected: %s\n# actual:   %s\n' "${2//$'\n'/\\n}" "${3//$'\n'/\\n}"
    fi
}
# exits NAME STATUS COMMAND...
exits() {
    local name=$1 status=$2
    shift 2
    "$@" >"$work/out" 2>"$work/err"
    local got=$?
    if ((got == status)); then ok "$name"; else
        not_ok "$name"
        echo "# exit $got, expected $status"
        cat "$work/out" "$work/err" | sed 's/^/# /' | head -n 20
    fi
}
finish() {
    echo "1..$count"
    ((bad == 0))
}
