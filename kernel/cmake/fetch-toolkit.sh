#!/bin/sh
# Finds the CUDA 13 toolkit and NVSHMEM, or installs what is missing from PyPI's wheels into a folder of the build.
# Prints two lines for the shell: CUDA_HOME=... and NVSHMEM_HOME=...
#
#   fetch-toolkit.sh TOOLKIT_FOLDER
#
# Taken first: the environment's CUDA_HOME and NVSHMEM_HOME, then nvcc on the PATH, then what an earlier run installed.
set -eu
folder=$1
nvshmem_version=3.4.5

fail() { echo "fetch-toolkit: $*" >&2; exit 1; }

# pip into a folder of our own; the system's packages stay as they are.
install_wheels() {
  command -v python3 >/dev/null || fail "python3 with pip is needed to fetch $*"
  mkdir -p "$folder"
  python3 -m pip install --quiet --disable-pip-version-check --no-warn-script-location --root-user-action=ignore \
    --upgrade --target "$folder/site" "$@" >&2 || fail "pip could not install $*"
}

is_cuda() { [ -x "$1/bin/nvcc" ] && "$1/bin/nvcc" --version 2>/dev/null | grep -q 'release 13\.'; }
is_nvshmem() { [ -f "$1/include/nvshmem.h" ] && [ -f "$1/lib/libnvshmem_device.a" ]; }

# The toolkit's folder from the compiler itself: nvcc on the PATH may be a wrapper.
cuda_of_nvcc() { "$1" --dryrun -x cu - 2>&1 </dev/null | sed -n 's/^#\$ TOP=//p' | head -n 1; }

find_cuda() {
  if [ -n "${CUDA_HOME:-}" ]; then
    is_cuda "$CUDA_HOME" || fail "CUDA_HOME: expected a CUDA 13 toolkit, got $CUDA_HOME"
    echo "$CUDA_HOME"; return
  fi
  for candidate in "$(command -v nvcc >/dev/null && cuda_of_nvcc nvcc)" /usr/local/cuda "$folder/site/nvidia/cu13"; do
    if [ -n "$candidate" ] && is_cuda "$candidate"; then (cd "$candidate" && pwd -P); return; fi
  done
  install_wheels 'nvidia-cuda-nvcc==13.0.*' 'nvidia-cuda-runtime==13.0.*' 'nvidia-cuda-cccl==13.0.*'
  is_cuda "$folder/site/nvidia/cu13" || fail "the wheels did not bring a CUDA 13 compiler to $folder/site/nvidia/cu13"
  [ -e "$folder/site/nvidia/cu13/lib64" ] || ln -s lib "$folder/site/nvidia/cu13/lib64"
  echo "$folder/site/nvidia/cu13"
}

find_nvshmem() {
  if [ -n "${NVSHMEM_HOME:-}" ]; then
    is_nvshmem "$NVSHMEM_HOME" || fail "NVSHMEM_HOME: expected include/nvshmem.h and lib/libnvshmem_device.a, got $NVSHMEM_HOME"
    echo "$NVSHMEM_HOME"; return
  fi
  home=$folder/site/nvidia/nvshmem
  is_nvshmem "$home" || install_wheels --no-deps "nvidia-nvshmem-cu13==$nvshmem_version"
  is_nvshmem "$home" || fail "the wheel did not bring NVSHMEM to $home"
  # The wheel ships the versioned library only; the linker looks for this name.
  [ -e "$home/lib/libnvshmem_host.so" ] || ln -s libnvshmem_host.so.3 "$home/lib/libnvshmem_host.so"
  echo "$home"
}

cuda=$(find_cuda)
nvshmem=$(find_nvshmem)
echo "CUDA_HOME=$cuda"
echo "NVSHMEM_HOME=$nvshmem"
