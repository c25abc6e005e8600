// Collectives of a full warp. All 32 lanes call them together, except activeLanes and shuffleAmong.
#pragma once

#include <cstdint>

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

inline constexpr uint32_t kAllLanes = 0xffffffffu;

KT_DEVICE void syncWarp() { __syncwarp(); }
KT_DEVICE uint32_t ballot(bool vote) { return __ballot_sync(kAllLanes, vote); }

/// The value of lane `source`; T is 4 or 8 bytes wide.
template <class T>
KT_DEVICE T shuffle(T value, uint32_t source) {
  return __shfl_sync(kAllLanes, value, static_cast<int>(source));
}

template <class T>
KT_DEVICE T shuffleXor(T value, uint32_t mask) {
  return __shfl_xor_sync(kAllLanes, value, static_cast<int>(mask));
}

/// The value `distance` lanes below; a lane without such a neighbour keeps its own.
template <class T>
KT_DEVICE T shuffleUp(T value, uint32_t distance) {
  return __shfl_up_sync(kAllLanes, value, distance);
}

/// Lanes whose `key` equals this lane's.
KT_DEVICE uint32_t matchLanes(uint32_t key) { return __match_any_sync(kAllLanes, key); }

/// Lanes that run this call together; any subset of the warp.
KT_DEVICE uint32_t activeLanes() { return __activemask(); }

template <class T>
KT_DEVICE T shuffleAmong(uint32_t lanes, T value, uint32_t source) {
  return __shfl_sync(lanes, value, static_cast<int>(source));
}

}  // namespace kerneltwin::ptx
