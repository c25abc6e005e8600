#!/bin/sh
# Builds build/kernel/libkerneltwin.so and the kernel's test and bench programs. Needs no GPU.
#
#   kernel/build.sh [BUILD_FOLDER]        default: build/kernel beside this folder
#   KERNEL_UNTRACED=ON kernel/build.sh build/kernel-untraced      a library without trace code, to measure against
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
build=${1:-$here/../build/kernel}
mkdir -p "$build"
build=$(cd "$build" && pwd -P)
toolkit=$("$here/cmake/fetch-toolkit.sh" "$build/toolkit")
eval "$toolkit"
export CUDA_HOME NVSHMEM_HOME
generator=
command -v ninja >/dev/null && generator='-G Ninja'
# shellcheck disable=SC2086
cmake -S "$here" -B "$build" $generator -DKERNELTWIN_UNTRACED="${KERNEL_UNTRACED:-OFF}" -DCMAKE_CUDA_COMPILER="$CUDA_HOME/bin/nvcc" -DNVSHMEM_HOME="$NVSHMEM_HOME"
cmake --build "$build" --parallel "${KERNEL_JOBS:-2}"
