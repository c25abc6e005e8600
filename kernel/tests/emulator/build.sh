#!/bin/sh
# Builds the emulator's programs with the C++ compiler alone; needs neither CUDA nor a GPU.
#
#   build.sh OUT TARGET     targets: emulate, emulator_test, gpu_cases, libkerneltwin.so (the library on the emulated GPU)
#
# OUT holds one target's objects: they are made again when any source of the kernel is newer than the last build there.
set -eu
out=$1
target=$2
here=$(cd "$(dirname "$0")" && pwd -P)
kernel=$(cd "$here/../.." && pwd -P)
compiler=${CXX:-c++}
flags="-std=c++20 -O2 -fPIC -Wall -Wextra -Werror -Wno-unknown-pragmas -I$here/cuda -I$here -I$kernel/include"
defines='-DKT_BUILDING_LIBRARY -DKERNELTWIN_VERSION="emulated"'
mkdir -p "$out"
stamp=all
[ -e "$out/.built" ] && stamp=$(find "$kernel/include" "$kernel/src" "$kernel/tests" -type f -newer "$out/.built" | head -n 1)
[ -z "$stamp" ] && [ -e "$out/$target" ] && exit 0

objects=
compile() {
  for source in "$@"; do
    object=$out/$(echo "$source" | tr '/.' '__').o
    objects="$objects $object"
    [ -z "$stamp" ] && [ -e "$object" ] && continue
    # shellcheck disable=SC2086
    $compiler $flags $defines -x c++ -c "$kernel/$source" -o "$object.$$"
    mv "$object.$$" "$object"
  done
}

machine="tests/emulator/machine.cc tests/emulator/tensor.cc"
library="$machine tests/emulator/library/runtime.cc tests/emulator/library/session.cc tests/emulator/library/wgmma.cc src/api.cc src/dump.cc src/fill.cu
  src/kernel_facts.cc src/kernel_variant.cc src/launch.cc src/options.cc src/reference.cu src/tensors.cc src/world.cc"
# shellcheck disable=SC2086
case $target in
  emulate) compile $machine tests/emulator/world.cc tests/emulator/programs/emulate.cc ;;
  emulator_test) compile $machine tests/emulator/world.cc tests/emulator/programs/emulator_test.cc ;;
  gpu_cases) compile $library tests/gpu_cases.cc tests/case_list.cc tests/ranks.cc tests/run_case.cc ;;
  libkerneltwin.so) compile $library ;;
  *) echo "build.sh: unknown target $target" >&2; exit 2 ;;
esac
shared=
[ "$target" = libkerneltwin.so ] && shared="-shared -Wl,--version-script=$kernel/cmake/exports.map"
# shellcheck disable=SC2086
$compiler $shared $objects -o "$out/$target.$$" -pthread
mv "$out/$target.$$" "$out/$target"
touch "$out/.built"
