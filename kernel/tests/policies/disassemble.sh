#!/bin/sh
# Compiles the two halves of the comparison as the kernel is compiled and disassembles them. Needs no GPU.
#
#   disassemble.sh OUT      leaves OUT/{through_policies,by_hand}.{sass,ptxas} and OUT/compiler (one line: what compiled them)
#
# The toolkit is the kernel's; the disassembler is taken from it, from the PATH, or from PyPI's wheel into the build folder.
set -eu
out=$1
here=$(cd "$(dirname "$0")" && pwd -P)
kernel=$(cd "$here/../.." && pwd -P)
folder=$kernel/../build/kernel/toolkit
mkdir -p "$out" "$folder"

fail() { echo "disassemble: $*" >&2; exit 1; }

toolkit=$("$kernel/cmake/fetch-toolkit.sh" "$folder")
eval "$toolkit"

find_disassembler() {
  for candidate in "$CUDA_HOME/bin/nvdisasm" "$(command -v nvdisasm || true)" "$folder/site/nvidia/cu13/bin/nvdisasm" \
    "$folder/disassembler/nvidia/cu13/bin/nvdisasm"; do
    if [ -x "$candidate" ]; then echo "$candidate"; return; fi
  done
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
    --target "$folder/disassembler" 'nvidia-cuda-nvdisasm==13.2.*' >&2 || fail 'pip could not install nvidia-cuda-nvdisasm'
  found=$folder/disassembler/nvidia/cu13/bin/nvdisasm
  [ -x "$found" ] || fail "the wheel did not bring $found"
  echo "$found"
}

disassembler=$(find_disassembler)
for half in through_policies by_hand; do
  "$CUDA_HOME/bin/nvcc" -std=c++20 -O3 -DNDEBUG -Xcompiler=-Wno-unknown-pragmas -cubin -arch=sm_90a -I"$kernel/include" \
    -Xptxas=-v "$here/$half.cu" -o "$out/$half.cubin" 2> "$out/$half.ptxas" || { cat "$out/$half.ptxas" >&2; exit 1; }
  "$disassembler" -c "$out/$half.cubin" > "$out/$half.sass"
done
"$CUDA_HOME/bin/nvcc" --version | sed -n 's/^Cuda compilation tools, //p' > "$out/compiler"
