# shellcheck shell=bash
# What the scripts beside this one share: how they speak, and how they fail.

say() { printf '%s\n' "$*"; }

# One sentence on what was wrong and what to do, and the end.
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

is_root() { [ "$(id -u)" = 0 ]; }

# Debian and those that descend from it.
has_apt() { command -v apt-get >/dev/null; }

is_debian() { has_apt && grep -q '^ID=debian$' /etc/os-release; }

# at_least 25.0 28.5.2: whether the second version is the first or newer.
at_least() { printf '%s\n%s\n' "$1" "$2" | sort -V -C; }

# step "Doing this" command …: a line that grows a dot every two seconds and
# ends in the seconds it took. What the command printed is shown if it fails.
step() {
  local what=$1 log dots status=0 start=$SECONDS
  shift
  log=$(mktemp)
  printf '%s ' "$what"
  (while sleep 2; do printf .; done) &
  dots=$!
  # Ctrl-C reaches the command by itself; the dots have to be told.
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

# apt_install package …: waits for another apt to finish, mends an interrupted one,
# and asks for newer lists of packages where those that are here do not do.
apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  local install=(apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=120 "$@")
  dpkg --configure -a && { "${install[@]}" || { apt-get update && "${install[@]}"; }; }
}

# virtual_environment .venv requirements.txt "the tests": makes one with exactly these
# versions, for what the third word says, unless it is there.
virtual_environment() {
  local venv=$1 requirements=$2 whose=$3
  # One that was moved, or whose Python is gone, does not start.
  if cmp -s "$requirements" "$venv/requirements.txt" && "$venv/bin/pip" --version >/dev/null 2>&1; then return; fi
  command -v python3 >/dev/null || die "Python 3 is missing. Install it, then run this again."
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "python3 is $(python3 --version), the tests need 3.11 or newer. Install one, so that 'python3' means it, then run this again."
  if ! python3 -c 'import ensurepip' 2>/dev/null; then
    if ! is_root || ! has_apt; then
      die "Python's venv module is missing. As root, type 'apt-get install python3-venv', then run this again."
    fi
    step "Installing Python's venv module" apt_install python3-venv ||
      die "python3-venv was not installed; the reason stands above."
  fi
  step "Making the virtual environment $venv" python3 -m venv --clear "$venv" ||
    die "The virtual environment was not made; the reason stands above."
  step "Installing the packages of $whose" "$venv/bin/pip" install --requirement "$requirements" ||
    die "The packages were not installed; the reason stands above. Check the network, then run this again."
  cp "$requirements" "$venv/requirements.txt" # last: it says that all of the above is done
}
