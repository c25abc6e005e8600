// The emulator's stand-in for kerneltwin/ptx/cluster.cuh: its blocks are all alone, so nothing here may be reached.
#pragma once

#include <stdexcept>

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

[[noreturn]] inline void noClusters() { throw std::runtime_error("the emulator runs no clusters of blocks"); }

inline uint32_t clusterRank() { noClusters(); }
inline void clusterSync() { noClusters(); }
inline uint32_t clusterAddress(uint32_t, uint32_t) { noClusters(); }
inline void storeCluster(uint32_t, uint32_t, uint32_t, uint32_t, uint32_t) { noClusters(); }
inline void arriveCluster(uint32_t) { noClusters(); }
inline void arriveEmptyCluster(uint32_t) { noClusters(); }
inline bool tryWaitCluster(uint32_t, uint32_t) { noClusters(); }
inline bool testWaitCluster(uint32_t, uint32_t) { noClusters(); }

}  // namespace kerneltwin::ptx
