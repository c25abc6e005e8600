#!/bin/bash
# The GPU kit: runs this project's kernel on a machine that has an NVIDIA GPU and driver, bash, coreutils, tar, and
# either xz or Python 3. It needs no network, no Node and no CUDA toolkit. NVSHMEM comes from the kit (lib/), from
# NVSHMEM_HOME, or from the Python package nvidia-nvshmem.
#
#   run.sh OUT [options]                  the kernel's tests, then records and checks the fixtures
#     --seconds N          limit of the whole run (500)
#     --test-ranks LIST    ranks to test with, sharing one GPU ("1 2 4 8"; "" for no tests)
#     --test-seconds N     limit of the tests with one number of ranks (60)
#     --gemm mma|wgmma     GEMM path of tests and fixtures (tests: both; fixtures: the scenario's)
#     --fixtures LIST      names from sim/gpu/kit/fixtures.ts (all; "none" for none)
#   run.sh OUT command WORDS...           one command with the kit's Node and libraries in the kit's folder, e.g.
#                                         node sim/cli/main.ts gpu run scenarios/small.yaml --check
#
# Leaves in OUT at most 8 files of at most 16 MiB: log.txt, summary.json, kernel-tests.txt, traces-*.tar. Every step has
# a limit of its own, and a failed one does not stop the next.
set -uo pipefail
kit=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:?usage: run.sh OUT [options]}
shift
mkdir -p "$out"
out=$(cd "$out" && pwd)
started=$SECONDS
log=$out/log.txt

say() { printf '[%4d s] %s\n' $((SECONDS - started)) "$*" | tee -a "$log"; }

unpack() {
  if command -v xz > /dev/null; then
    xz -dc "$kit/$1" | tar -C "$work" -xf -
  else
    python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1], "r:xz").extractall(sys.argv[2])' "$kit/$1" "$work"
  fi
}

nvshmem_folder() {
  local folder
  for folder in "$work/lib" "${NVSHMEM_HOME:-/nowhere}/lib" \
    "$(python3 -c 'import nvidia.nvshmem as n; print(list(n.__path__)[0] + "/lib")' 2> /dev/null)"; do
    if [ -e "$folder/libnvshmem_host.so.3" ]; then
      echo "$folder"
      return 0
    fi
  done
  return 1
}

work=$(mktemp -d "${TMPDIR:-/tmp}/kt-kit-XXXXXX")
trap 'rm -rf "$work"' EXIT
say "unpacking into $work"
unpack node.tar.xz && unpack app.tar.xz || { say 'the kit cannot be unpacked'; exit 2; }
if [ -e "$kit/nvshmem.tar.xz" ]; then unpack nvshmem.tar.xz; fi
nvshmem=$(nvshmem_folder) || {
  say 'no libnvshmem_host.so.3: neither in the kit, nor in NVSHMEM_HOME/lib, nor as Python package nvidia-nvshmem'
  exit 2
}
export LD_LIBRARY_PATH="$work/build/kernel:$nvshmem${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export PATH="$work/bin:$PATH:/usr/local/nvidia/bin"
export NVSHMEM_REMOTE_TRANSPORT="${NVSHMEM_REMOTE_TRANSPORT:-none}" NVSHMEM_DISABLE_NVLS=1
cd "$work" || exit 2
say "NVSHMEM from $nvshmem; $(cat kit.txt)"

if [ "${1:-}" = command ]; then
  shift
  timeout "${KIT_SECONDS:-500}" "$@" 2>&1 | tee -a "$log"
  exit "${PIPESTATUS[0]}"
fi
budget=500 test_ranks='1 2 4 8' test_seconds=60 gemm='' fixtures=''
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds) budget=$2 ;;
    --test-ranks) test_ranks=$2 ;;
    --test-seconds) test_seconds=$2 ;;
    --gemm) gemm=$2 ;;
    --fixtures) fixtures=$2 ;;
    *)
      say "unknown option $1"
      exit 2
      ;;
  esac
  shift 2
done
left() { echo $((budget - (SECONDS - started))); }

say 'GPU'
if ! timeout 90 node sim/cli/main.ts gpu info 2>&1 | tee -a "$log"; then
  say 'no usable GPU: stopped'
  exit 2
fi

status=0
cases=build/kernel/tests/gpu_cases
for ranks in $test_ranks; do
  [ -x $cases ] || { say 'the kit has no test program'; status=1; break; }
  [ "$(left)" -gt $((test_seconds + 30)) ] || { say "tests with $ranks ranks: no time left"; status=1; continue; }
  say "tests with $ranks ranks"
  share=()
  [ "$ranks" -eq 1 ] || share=(kernel/tests/with-mps.sh "$ranks")
  timeout --kill-after=10 $((test_seconds + 20)) "${share[@]}" $cases --ranks "$ranks" --gemm "${gemm:-both}" \
    --seconds "$test_seconds" \
    >> "$out/kernel-tests.txt" 2>&1
  code=$?
  say "  exit $code: $(tail -n 1 "$out/kernel-tests.txt")"
  [ $code -eq 0 ] || status=1
done

if [ "$fixtures" != none ]; then
  seconds=$(($(left) - 20))
  say "recording, at most $seconds s"
  # shellcheck disable=SC2086
  timeout --kill-after=10 $((seconds + 10)) \
    node sim/gpu/kit/record-fixtures.ts "$work/recorded" "$seconds" ${gemm:+--gemm "$gemm"} $fixtures 2>&1 | tee -a "$log"
  [ "${PIPESTATUS[0]}" -eq 0 ] || status=1
  cp "$work/recorded/summary.json" "$out/" 2> /dev/null
fi

# Whole files into as few archives as fit the size limit.
say 'packing'
limit=$((15 * 1024 * 1024))
part=1 size=0
list=()
pack() {
  if [ ${#list[@]} -gt 0 ]; then tar -C "$work/recorded/traces" -cf "$out/traces-$part.tar" "${list[@]}"; fi
}
for file in "$work"/recorded/traces/*; do
  [ -f "$file" ] || continue
  bytes=$(stat -c %s "$file")
  if [ $((size + bytes)) -gt $limit ] && [ ${#list[@]} -gt 0 ]; then
    pack
    part=$((part + 1)) size=0 list=()
  fi
  if [ "$bytes" -gt $limit ]; then
    say "  $(basename "$file") of $bytes bytes is over the limit and left out"
    continue
  fi
  if [ $part -gt 4 ]; then
    say "  $(basename "$file") is left out: four archives are full"
    continue
  fi
  list+=("$(basename "$file")")
  size=$((size + bytes))
done
[ $part -le 4 ] && pack
say "done, status $status"
exit $status
