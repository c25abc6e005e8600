// Registers move between warpgroups: those that only start copies give theirs to those that hold accumulators.
//
// All warps of a warpgroup call it once, at the top of their role, in a kernel with __launch_bounds__(threads, 1).
// 24 to 256 in steps of 8; the sum over the block's threads stays within 65536.
#pragma once

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

template <int Registers>
KT_DEVICE void shrinkRegisters() {
  static_assert(Registers >= 24 && Registers <= 256 && Registers % 8 == 0);
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Registers));
}

template <int Registers>
KT_DEVICE void growRegisters() {
  static_assert(Registers >= 24 && Registers <= 256 && Registers % 8 == 0);
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Registers));
}

}  // namespace kerneltwin::ptx
