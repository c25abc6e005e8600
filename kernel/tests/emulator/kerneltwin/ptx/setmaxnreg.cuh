// The emulator's stand-in for kerneltwin/ptx/setmaxnreg.cuh.
#pragma once

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

template <int Registers>
inline void shrinkRegisters() {}
template <int Registers>
inline void growRegisters() {}

}  // namespace kerneltwin::ptx
