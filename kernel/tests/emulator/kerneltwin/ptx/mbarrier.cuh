// The emulator's stand-in for kerneltwin/ptx/mbarrier.cuh.
#pragma once

#include <stdexcept>

#include "kerneltwin/ptx/device.cuh"
#include "tensor.h"

namespace kerneltwin::ptx {

inline void initBarrier(uint32_t barrier, uint32_t count) { emulator::Tensor::current().initBarrier(barrier, count); }
inline void fenceBarrierInit() {}
inline void arrive(uint32_t barrier) { emulator::Tensor::current().arrive(barrier, 0); }
inline void arriveExpecting(uint32_t barrier, uint32_t bytes) { emulator::Tensor::current().arrive(barrier, bytes); }
inline bool testWait(uint32_t barrier, uint32_t parity) { return emulator::Tensor::current().look(barrier, parity, false); }
inline bool tryWait(uint32_t barrier, uint32_t parity) { return testWait(barrier, parity); }
inline void syncThreads(uint32_t id, uint32_t threads) { emulator::Tensor::current().meet(id, threads); }
inline void arriveThreads(uint32_t id, uint32_t threads) { emulator::Tensor::current().pass(id, threads); }
inline void fault() { throw std::runtime_error("a wait between roles ran out of time"); }

}  // namespace kerneltwin::ptx
