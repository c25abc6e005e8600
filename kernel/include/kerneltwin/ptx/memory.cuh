// Loads, stores and read-modify-writes with an explicit order and scope: one PTX instruction each. Addresses are generic, so
// the same call serves global, peer and shared memory.
#pragma once

#include <cstdint>

#include "kerneltwin/protocol/policy.h"
#include "kerneltwin/ptx/device.cuh"

namespace kerneltwin::ptx {

// clang-format off
#define KT_PTX_ASM(op, width, reg, out, in)                                                                            \
  asm volatile(op width " %0, [%1];" : "=" reg(out) : "l"(in) : "memory")

#define KT_PTX_LOAD(order, scope)                                                                                      \
  if constexpr (sizeof(T) == 4) KT_PTX_ASM("ld." order "." scope, ".u32", "r", value, word);                           \
  else KT_PTX_ASM("ld." order "." scope, ".u64", "l", value, word)

#define KT_PTX_STORE(order, scope)                                                                                     \
  if constexpr (sizeof(T) == 4) asm volatile("st." order "." scope ".u32 [%0], %1;" ::"l"(word), "r"(value) : "memory"); \
  else asm volatile("st." order "." scope ".u64 [%0], %1;" ::"l"(word), "l"(value) : "memory")

#define KT_PTX_RMW(op, order, scope, type32, type64)                                                                   \
  if constexpr (sizeof(T) == 4)                                                                                        \
    asm volatile("atom." op "." order "." scope "." type32 " %0, [%1], %2;" : "=r"(before) : "l"(word), "r"(value) : "memory"); \
  else                                                                                                                 \
    asm volatile("atom." op "." order "." scope "." type64 " %0, [%1], %2;" : "=l"(before) : "l"(word), "l"(value) : "memory")

#define KT_PTX_SCOPES(MACRO, ...)                                                                                      \
  if constexpr (S == Scope::Block) { MACRO(__VA_ARGS__, "cta"); }                                                      \
  else if constexpr (S == Scope::Device) { MACRO(__VA_ARGS__, "gpu"); }                                                \
  else { MACRO(__VA_ARGS__, "sys"); }
// clang-format on

template <class T>
inline constexpr bool kIsWord = sizeof(T) == 4 || sizeof(T) == 8;

template <Order O, Scope S, class T>
KT_DEVICE T load(const T* word) {
  static_assert(kIsWord<T> && (O == Order::Relaxed || O == Order::Acquire), "a load is relaxed or acquire");
  T value;
  if constexpr (O == Order::Relaxed) {
    KT_PTX_SCOPES(KT_PTX_LOAD, "relaxed")
  } else {
    KT_PTX_SCOPES(KT_PTX_LOAD, "acquire")
  }
  return value;
}

template <Order O, Scope S, class T>
KT_DEVICE void store(T* word, T value) {
  static_assert(kIsWord<T> && (O == Order::Relaxed || O == Order::Release), "a store is relaxed or release");
  if constexpr (O == Order::Relaxed) {
    KT_PTX_SCOPES(KT_PTX_STORE, "relaxed")
  } else {
    KT_PTX_SCOPES(KT_PTX_STORE, "release")
  }
}

#define KT_PTX_ADD(order, scope) KT_PTX_RMW("add", order, scope, "u32", "u64")
#define KT_PTX_OR(order, scope) KT_PTX_RMW("or", order, scope, "b32", "b64")
#define KT_PTX_ORDERS(MACRO)                                                    \
  if constexpr (O == Order::Relaxed) { KT_PTX_SCOPES(MACRO, "relaxed") }        \
  else if constexpr (O == Order::Acquire) { KT_PTX_SCOPES(MACRO, "acquire") }   \
  else if constexpr (O == Order::Release) { KT_PTX_SCOPES(MACRO, "release") }   \
  else { KT_PTX_SCOPES(MACRO, "acq_rel") }

/// Adds; returns the value before.
template <Order O, Scope S, class T>
KT_DEVICE T add(T* word, T value) {
  static_assert(kIsWord<T>);
  T before;
  KT_PTX_ORDERS(KT_PTX_ADD)
  return before;
}

/// Sets bits; returns the value before.
template <Order O, Scope S, class T>
KT_DEVICE T fetchOr(T* word, T value) {
  static_assert(kIsWord<T>);
  T before;
  KT_PTX_ORDERS(KT_PTX_OR)
  return before;
}

/// Adds to a word of this block's shared memory, relaxed, without looking at what was there.
KT_DEVICE void addShared(uint32_t* word, uint32_t value) {
  asm volatile("red.relaxed.cta.shared::cta.add.u32 [%0], %1;" ::"r"(sharedAddress(word)), "r"(value) : "memory");
}

/// The same, and returns what was there.
KT_DEVICE uint32_t takeShared(uint32_t* word, uint32_t value) {
  uint32_t before;
  asm volatile("atom.relaxed.cta.shared::cta.add.u32 %0, [%1], %2;" : "=r"(before) : "r"(sharedAddress(word)), "r"(value) : "memory");
  return before;
}

/// Acquire: what follows is ordered after the relaxed loads before it; release: what precedes before later stores.
template <Order O, Scope S>
KT_DEVICE void fence() {
  static_assert(O != Order::Relaxed);
  if constexpr (S == Scope::Block) asm volatile("fence.acq_rel.cta;" ::: "memory");
  else if constexpr (S == Scope::Device) asm volatile("fence.acq_rel.gpu;" ::: "memory");
  else asm volatile("fence.acq_rel.sys;" ::: "memory");
}

/// Sets `word` to `value` if it is zero; returns the value before.
KT_DEVICE uint32_t claim(uint32_t* word, uint32_t value) {
  uint32_t before;
  asm volatile("atom.cas.relaxed.gpu.b32 %0, [%1], 0, %2;" : "=r"(before) : "l"(word), "r"(value) : "memory");
  return before;
}

#undef KT_PTX_ASM
#undef KT_PTX_LOAD
#undef KT_PTX_STORE
#undef KT_PTX_RMW
#undef KT_PTX_SCOPES
#undef KT_PTX_ADD
#undef KT_PTX_OR
#undef KT_PTX_ORDERS

}  // namespace kerneltwin::ptx
