#!/bin/sh
# Prints registers, stack and spills of every kernel under a build folder and fails when the fused kernel spills or keeps
# a stack. One exception: the put transport calls into NVSHMEM, which is compiled apart, and a call needs a frame of its own.
#
#   resource-report.sh BUILD_FOLDER
find "$1" -name '*.ptxas' -exec cat {} + | awk '
  /Compiling entry function/ {
    match($0, /\x27[^\x27]*\x27/); entry = substr($0, RSTART + 1, RLENGTH - 2); inEntry = 0; next
  }
  /Function properties for/ { inEntry = entry != "" && index($0, entry) > 0; next }
  /bytes stack frame/ && inEntry { stack = $1; stores = $5; loads = $9 }
  /Used [0-9]+ registers/ && entry != "" {
    for (i = 1; i <= NF; i++) if ($i == "Used") registers = $(i + 1)
    allowed = entry ~ /forwardPut/ ? 16 : 0
    verdict = ""
    if (entry ~ /kerneltwin[0-9]+forward/ && (stack > allowed || stores > 0 || loads > 0)) { verdict = "  <- must be zero"; bad = 1 }
    if (entry ~ /kerneltwin[0-9]+forward/) fused++
    name = entry
    if (match(name, /[0-9](forward(Direct|Put)|fillStream|routerLogits|judgeRouting|judgeOutput|multiply)/)) name = substr(name, RSTART + 1, RLENGTH - 1)
    printf "%-16s %4d registers %4d bytes stack %4d spill stores %4d spill loads%s\n", name, registers, stack, stores, loads, verdict
    entry = ""
  }
  END {
    if (fused < 2) { print "resource report: expected both fused kernels, found " fused + 0; exit 1 }
    exit bad
  }'
