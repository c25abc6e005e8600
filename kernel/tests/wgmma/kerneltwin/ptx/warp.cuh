// Stands in for the kernel's header of the same name; see machine.h.
#pragma once

#include <cstring>

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

inline void syncWarp() { emulator::Block::current().meet(100 + warp(), 32); }

template <class T>
inline T shuffle(T value, uint32_t source) {
  emulator::Block& block = emulator::Block::current();
  uint64_t mine = 0;
  std::memcpy(&mine, &value, sizeof value);
  block.fiber().exchange = mine;
  syncWarp();
  T out;
  std::memcpy(&out, &block.fiber(warp() * 32 + source).exchange, sizeof out);
  syncWarp();
  return out;
}

}  // namespace kerneltwin::ptx
