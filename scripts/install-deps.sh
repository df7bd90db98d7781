#!/usr/bin/env bash
# Installs what Weft needs to build, run and test on Debian 12 or 13, and fetches Envoy's published API descriptors and
# BoringSSL's sources.
# Does nothing, quickly, when everything is there.   install-deps.sh [--build-only]
set -euo pipefail
cd "$(dirname "$0")/.."

build_packages=(
  g++ meson ninja-build pkg-config python3 python3-pip ccache
  libdpdk-dev libipsec-mb-dev libssl-dev zlib1g-dev
  libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
  libre2-dev libabsl-dev libyaml-cpp-dev nlohmann-json3-dev libspdlog-dev libcli11-dev
  libgtest-dev libgmock-dev
)
run_packages=(
  iproute2 iputils-ping ethtool procps containernetworking-plugins
  nginx-light curl iperf3 dnsmasq-base bind9-dnsutils tcpdump tshark openssl netcat-openbsd socat wrk
  libbenchmark-dev clang libclang-rt-14-dev
)
packages=("${build_packages[@]}")
[ "${1:-}" = --build-only ] || packages+=("${run_packages[@]}")
# Debian 13 names its clang runtime otherwise.
if ! apt-cache show libclang-rt-14-dev >/dev/null 2>&1 && apt-cache show libclang-rt-19-dev >/dev/null 2>&1; then
  packages=("${packages[@]/libclang-rt-14-dev/libclang-rt-19-dev}")
fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "install-deps: run as root, or install: ${missing[*]}" >&2
    exit 1
  fi
  echo "install-deps: installing ${#missing[@]} packages"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  export RUNLEVEL=1  # invoke-rc.d then starts no service: nginx must not serve on this machine by itself
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# fetch FILE SHA256 PACKAGE VERSION [PIP ARGUMENTS]: a pinned file of the Python package index into .deps.
fetch() {
  local file=$1 sha256=$2 package=$3 version=$4
  shift 4
  echo "$sha256  .deps/$file" | sha256sum --check --status 2>/dev/null && return
  echo "install-deps: fetching $package $version"
  mkdir -p .deps
  echo "$package==$version --hash=sha256:$sha256" >.deps/requirements.txt
  python3 -m pip download --quiet --no-deps --require-hashes "$@" -r .deps/requirements.txt -d .deps
}
# Envoy's API as its authors publish it.
fetch xds_protos-1.85.0-py3-none-any.whl e1e7bfd9936389936b2c85660d9db0dae380f12678a594b983da40dd472f1760 \
  xds-protos 1.85.0
# BoringSSL as gRPC's source package carries it (a distribution's own could not live beside OpenSSL in one process). Of
# gRPC itself nothing is used.
fetch grpcio-1.85.3.tar.gz 8e18f15d1b09b8771edbf59d634b26cbe4903bc2577cb667264934a6655eb8b4 \
  grpcio 1.85.3 --no-binary grpcio
