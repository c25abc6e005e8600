// Stands in for the kernel's header of the same name; see machine.h.
#pragma once

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

inline uint64_t cycles() { return emulator::Block::current().clock(); }

}  // namespace kerneltwin::ptx
