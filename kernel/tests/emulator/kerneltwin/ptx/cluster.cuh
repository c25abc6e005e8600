// The emulator's stand-in for kerneltwin/ptx/cluster.cuh. An address of a cluster has the block's number, from one, over the 24
// bits of an address within a block, so that whoever takes it for a plain one fails; 0 there is the block itself, as on the GPU.
#pragma once

#include <cstring>
#include <stdexcept>

#include "kerneltwin/ptx/device.cuh"
#include "tensor.h"

namespace kerneltwin::ptx {

inline constexpr uint32_t kClusterShift = 24;

inline uint32_t clusterRank() {
  const emulator::Block& own = machine().block();
  return own.index % static_cast<uint32_t>(own.cluster->blocks.size());
}

inline void clusterSync() { machine().meetCluster(); }

inline uint32_t clusterAddress(uint32_t address, uint32_t rank) {
  if (address >> kClusterShift != 0) throw std::runtime_error("the address of a cluster where one of a block belongs");
  return address | (rank + 1) << kClusterShift;
}

/// A place in a cluster.
struct ClusterPlace {
  emulator::Block& block;
  uint32_t address;
};

inline ClusterPlace clusterPlace(uint32_t address) {
  const uint32_t number = address >> kClusterShift;
  return {machine().neighbour(number == 0 ? clusterRank() : number - 1), address & ((1u << kClusterShift) - 1)};
}

inline void storeCluster(uint32_t address, uint32_t x, uint32_t y, uint32_t z, uint32_t w) {
  machine().maybeYield(2);
  const ClusterPlace to = clusterPlace(address);
  if (to.address % 16 != 0) throw std::runtime_error("16-byte access is not aligned");
  const uint32_t words[4] = {x, y, z, w};
  std::memcpy(to.block.shared + to.address, words, sizeof words);
}

inline void arriveInCluster(uint32_t barrier, bool releases) {
  machine().maybeYield(2);
  const ClusterPlace at = clusterPlace(barrier);
  emulator::Tensor::of(at.block).arriveFromCluster(at.address, releases);
}

inline void arriveCluster(uint32_t barrier) { arriveInCluster(barrier, true); }
inline void arriveEmptyCluster(uint32_t barrier) { arriveInCluster(barrier, false); }

inline bool testWaitCluster(uint32_t barrier, uint32_t parity) { return emulator::Tensor::current().look(barrier, parity, true); }
inline bool tryWaitCluster(uint32_t barrier, uint32_t parity) { return testWaitCluster(barrier, parity); }

}  // namespace kerneltwin::ptx
