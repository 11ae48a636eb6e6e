# shellcheck shell=bash
# Functions that several scripts use: messages, failures, and the installation of packages.

# Variables such as COMPOSE_FILE are meant for the caller's own projects.
# shellcheck disable=SC2086 # no name of a variable has a space
unset ${!COMPOSE_@}

say() { printf '%s\n' "$*"; }

warn() { printf '%s: warning: %s\n' "${0##*/}" "$*" >&2; }

# Prints what is wrong and what to do about it, and ends the script.
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

is_root() { [ "$(id -u)" = 0 ]; }

# Succeeds on Debian and on distributions that are based on it, such as Ubuntu.
has_apt() { command -v apt-get >/dev/null; }

is_debian() { has_apt && grep -q '^ID=debian$' /etc/os-release; }

# at_least 25.0 28.5.2: succeeds if the second version is at least the first.
at_least() { printf '%s\n%s\n' "$1" "$2" | sort -V -C; }

# step "Doing this" command …: runs a command. Prints a dot every two seconds, and then how long
# the command took. Prints the end of the command's output only if it fails.
step() {
  local what=$1 log dots status=0 start=$SECONDS
  shift
  log=$(mktemp)
  printf '%s ' "$what"
  # The last `sleep` may run two seconds longer than this script. Its output is redirected, so
  # it doesn't keep a pipe open that reads the script's output.
  (while sleep 2 >/dev/null 2>&1; do printf .; done) </dev/null &
  dots=$!
  # Ctrl-C ends the command, but not a process in the background.
  trap 'kill "$dots" 2>/dev/null; rm -f "$log"; printf "\n"; exit 130' INT TERM
  "$@" >"$log" 2>&1 </dev/null || status=$?
  trap - INT TERM
  kill "$dots" 2>/dev/null || true
  wait "$dots" 2>/dev/null || true
  printf ' %ss\n' $((SECONDS - start))
  if [ "$status" != 0 ]; then tail -n 25 "$log" >&2; fi
  rm -f "$log"
  return "$status"
}

# apt_install package …: waits until no other apt runs, completes an interrupted installation,
# and installs the packages. If that fails, it updates the package lists and tries again.
apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  local install=(apt-get install --yes --no-install-recommends)
  install+=(-o DPkg::Lock::Timeout=120 "$@")
  dpkg --configure -a && { "${install[@]}" || { apt-get update && "${install[@]}"; }; }
}

# virtual_environment .venv requirements.txt "the tests": creates a virtual environment with
# exactly these versions, unless it exists. The third argument names what needs it.
virtual_environment() {
  local venv=$1 requirements=$2 purpose=$3
  # pip doesn't start if the environment was moved, or if its Python was removed.
  if cmp -s "$requirements" "$venv/requirements.txt" &&
    "$venv/bin/pip" --version >/dev/null 2>&1; then return; fi
  command -v python3 >/dev/null || die "Python 3 is missing. Install it, then run this again."
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "'python3' is $(python3 --version), but $purpose need Python 3.11 or newer." \
      "Install it as 'python3', then run this again."
  if ! python3 -c 'import ensurepip' 2>/dev/null; then
    if ! is_root || ! has_apt; then
      die "Python's venv module is missing." \
        "As root, type 'apt-get install python3-venv', then run this again."
    fi
    step "Installing Python's venv module" apt_install python3-venv ||
      die "python3-venv wasn't installed. See the log above."
  fi
  step "Creating the virtual environment $venv" python3 -m venv --clear "$venv" ||
    die "The virtual environment wasn't created. See the log above."
  step "Installing the packages for $purpose" \
    "$venv/bin/pip" install --requirement "$requirements" ||
    die "The packages weren't installed. See the log above. Check the network, then run this" \
      "again."
  cp "$requirements" "$venv/requirements.txt" # at the end, as a sign of success
}
