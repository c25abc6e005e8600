// Stands in for the kernel's header of the same name; see machine.h.
#pragma once

#include <stdexcept>

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

inline void initBarrier(uint32_t barrier, uint32_t count) { emulator::Block::current().initBarrier(barrier, count); }
inline void fenceBarrierInit() {}
inline void arrive(uint32_t barrier) { emulator::Block::current().arrive(barrier, 0); }
inline void arriveExpecting(uint32_t barrier, uint32_t bytes) { emulator::Block::current().arrive(barrier, bytes); }

inline bool testWait(uint32_t barrier, uint32_t parity) {
  emulator::Block& block = emulator::Block::current();
  if (block.complete(barrier, parity)) return true;
  block.yield();
  return block.complete(barrier, parity);
}
inline bool tryWait(uint32_t barrier, uint32_t parity) { return testWait(barrier, parity); }

inline void syncThreads(uint32_t id, uint32_t threads) { emulator::Block::current().meet(id, threads); }
inline void fault() { throw std::runtime_error("fault"); }

}  // namespace kerneltwin::ptx
