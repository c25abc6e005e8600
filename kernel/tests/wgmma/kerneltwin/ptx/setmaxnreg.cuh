// Stands in for the kernel's header of the same name; see machine.h.
#pragma once

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

template <int Registers>
inline void shrinkRegisters() {}
template <int Registers>
inline void growRegisters() {}

}  // namespace kerneltwin::ptx
