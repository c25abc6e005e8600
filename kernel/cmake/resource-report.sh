#!/bin/sh
# Prints registers, stack and spills of every kernel under a build folder and fails when the fused kernel spills or keeps
# a stack, or when ptxas gave up what wgmma needs. One exception: the put transport calls NVSHMEM's put-with-signal, which is
# compiled apart: five 64-bit arguments and two of 32 bits fill the twelve registers of a call, the eighth lies in a frame.
#
#   resource-report.sh BUILD_FOLDER [FUSED]
#
# FUSED: fused kernels that the build must have, 23 unless said otherwise.
find "$1" -name '*.ptxas' -exec cat {} + | awk -v expected="${2:-23}" '
  /setmaxnreg.* ignored|wgmma.* serialized/ { print; bad = 1; next }
  /Compiling entry function/ {
    match($0, /\x27[^\x27]*\x27/); entry = substr($0, RSTART + 1, RLENGTH - 2); inEntry = 0; next
  }
  /Function properties for/ { inEntry = entry != "" && index($0, entry) > 0; next }
  /bytes stack frame/ && inEntry { stack = $1; stores = $5; loads = $9 }
  /Used [0-9]+ registers/ && entry != "" {
    for (i = 1; i <= NF; i++) if ($i == "Used") registers = $(i + 1)
    allowed = entry ~ /forwardPut/ ? 8 : 0
    verdict = ""
    if (entry ~ /kerneltwin[0-9]+forward/ && (stack > allowed || stores > 0 || loads > 0)) { verdict = "  <- must be zero"; bad = 1 }
    if (entry ~ /kerneltwin[0-9]+forward/) fused++
    name = entry
    if (match(name, /forwardWgmmaOnINS_10TileConfigI(Lj[0-9]+E)+/)) {
      # TileConfig<fragments, tokens, stages, pass tokens, pass buffers, blocks>
      split(substr(name, RSTART, RLENGTH), part, /Lj/)
      half = name ~ /Fp16Element/ ? " fp16" : ""
      untraced = name ~ /Lb0EEEv/ ? " untraced" : ""
      name = "forwardWgmma " 128 * part[2] * part[7] "x" part[3] + 0 "x" part[4] + 0 half untraced
    } else if (match(name, /[0-9](forward(Direct|DirectHalf|Put)|fillStream|routerLogits|judgeRouting|judgeOutput|multiply)/)) name = substr(name, RSTART + 1, RLENGTH - 1)
    printf "%-36s %4d registers %4d bytes stack %4d spill stores %4d spill loads%s\n", name, registers, stack, stores, loads, verdict
    entry = ""
  }
  END {
    if (fused < expected) {
      print "resource report: expected " expected " fused kernels (direct and put, direct on fp16, 6 wgmma tiles, 3 on fp16 and one of a pair, each of them without trace code again), found " fused + 0
      exit 1
    }
    exit bad
  }'
