// The emulator's stand-in for kerneltwin/ptx/memory.cuh: one sequentially consistent memory, with a chance for others to run at
// every access.
#pragma once

#include "kerneltwin/protocol/policy.h"
#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

template <Order O, Scope S, class T>
T load(const T* word) {
  machine().yield();  // spins load: without others running they would never end
  return *word;
}

template <Order O, Scope S, class T>
void store(T* word, T value) {
  machine().maybeYield(2);
  *word = value;
}

template <Order O, Scope S, class T>
T add(T* word, T value) {
  machine().maybeYield(2);
  const T before = *word;
  *word = before + value;
  return before;
}

inline void addShared(uint32_t* word, uint32_t value) { *word += value; }
inline uint32_t takeShared(uint32_t* word, uint32_t value) {
  const uint32_t before = *word;
  *word += value;
  return before;
}

template <Order O, Scope S, class T>
T fetchOr(T* word, T value) {
  machine().maybeYield(2);
  const T before = *word;
  *word = before | value;
  return before;
}

template <Order O, Scope S>
void fence() {
  machine().maybeYield(2);
}

inline uint32_t claim(uint32_t* word, uint32_t value) {
  const uint32_t before = *word;
  if (before == 0) *word = value;
  return before;
}

}  // namespace kerneltwin::ptx
