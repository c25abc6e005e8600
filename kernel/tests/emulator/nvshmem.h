// The emulator's stand-in for NVSHMEM's device calls: a put's payload lands some time after the call, in pieces, and then its
// signal; nothing orders one put against another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>

#include "kerneltwin/ptx/device.cuh"

#define NVSHMEM_SIGNAL_SET 9

namespace emulator {

/// One rank's symmetric memory, so that an address of one rank can be found at another.
struct SymmetricMemory {
  char* heap;
  char* flags;
  uint64_t heapBytes;
  uint64_t flagBytes;
};

/// By rank; set by the test before a run.
inline std::vector<SymmetricMemory> symmetricMemory;

inline char* translate(const void* local, int pe) {
  const SymmetricMemory& mine = symmetricMemory.at(Machine::current().block().rank);
  const SymmetricMemory& theirs = symmetricMemory.at(static_cast<size_t>(pe));
  const char* p = static_cast<const char*>(local);
  if (p >= mine.heap && p < mine.heap + mine.heapBytes) return theirs.heap + (p - mine.heap);
  if (p >= mine.flags && p < mine.flags + mine.flagBytes) return theirs.flags + (p - mine.flags);
  throw std::runtime_error("NVSHMEM call with an address that is not symmetric");
}

}  // namespace emulator

inline void __threadfence_system() {}

/// This put completes before its caller goes on; that is allowed, and the delay before it lets others run.
inline void nvshmemx_putmem_signal_nbi_block(void* to, const void* from, size_t bytes, uint64_t* flag, uint64_t word, int,
                                             int pe) {
  emulator::Machine& m = emulator::Machine::current();
  kerneltwin::ptx::syncBlock();
  if (m.thread().index == 0) {
    char* target = emulator::translate(to, pe);
    emulator::translate(static_cast<const char*>(to) + bytes - 1, pe);
    const char* source = static_cast<const char*>(from);
    for (size_t at = 0; at < bytes; at += 256) {
      __builtin_memcpy(target + at, source + at, bytes - at < 256 ? bytes - at : 256);
      m.maybeYield(2);
    }
    *reinterpret_cast<uint64_t*>(emulator::translate(flag, pe)) = word;
  }
  kerneltwin::ptx::syncBlock();
}

inline void nvshmemx_signal_op(uint64_t* flag, uint64_t word, int, int pe) {
  emulator::Machine::current().maybeYield(2);
  *reinterpret_cast<uint64_t*>(emulator::translate(flag, pe)) = word;
}

inline void nvshmem_quiet() {}
