// The emulator's stand-in for kerneltwin/ptx/warp.cuh.
#pragma once

#include <cstring>

#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

inline constexpr uint32_t kAllLanes = 0xffffffffu;

template <class T>
emulator::Slot slotOf(T value) {
  static_assert(sizeof(T) <= sizeof(emulator::Slot));
  emulator::Slot slot = {};
  std::memcpy(&slot, &value, sizeof value);
  return slot;
}

template <class T>
T valueOf(const emulator::Slot& slot) {
  T value;
  std::memcpy(&value, &slot, sizeof value);
  return value;
}

inline void syncWarp() { machine().show({}); }

inline uint32_t ballot(bool vote) {
  machine().show(slotOf(vote));
  uint32_t votes = 0;
  for (uint32_t l = 0; l < 32; ++l) votes |= static_cast<uint32_t>(valueOf<bool>(machine().slot(l))) << l;
  return votes;
}

template <class T>
T shuffle(T value, uint32_t source) {
  machine().show(slotOf(value));
  return valueOf<T>(machine().slot(source % 32));
}

template <class T>
T shuffleXor(T value, uint32_t mask) {
  return shuffle(value, lane() ^ mask);
}

template <class T>
T shuffleUp(T value, uint32_t distance) {
  return shuffle(value, lane() >= distance ? lane() - distance : lane());
}

inline uint32_t matchLanes(uint32_t key) {
  machine().show(slotOf(key));
  uint32_t same = 0;
  for (uint32_t l = 0; l < 32; ++l) same |= static_cast<uint32_t>(valueOf<uint32_t>(machine().slot(l)) == key) << l;
  return same;
}

/// Lanes of a warp run one by one here, so each is active alone: legal on the GPU as well.
inline uint32_t activeLanes() { return 1u << lane(); }

template <class T>
T shuffleAmong(uint32_t, T value, uint32_t) {
  return value;
}

}  // namespace kerneltwin::ptx
