// Shared words as the headers see them: real addresses, so that their pointer arithmetic works, each mapped to a location.
// The words themselves are never read. Slices lie apart, so that an index past the end of one hits nothing.
#pragma once

#include "memory.h"

namespace kerneltwin::explorer {

/// Not a word of any slice.
inline constexpr Location kNowhere = 0xffff;

class Arena {
 public:
  Arena() {
    for (Location& at : location_) at = kNowhere;
  }

  /// A slice of `count` words, `stride` words of T apart. Null when the arena or the locations are used up.
  template <class T>
  T* allocate(Memory& memory, uint32_t count, uint32_t stride = 1) {
    constexpr uint32_t words = sizeof(T) / sizeof(uint32_t);
    used_ += kGap + (used_ & 1);
    const uint64_t first = used_;
    const uint64_t end = first + static_cast<uint64_t>(count) * stride * words;
    if (end + kGap > kWords || memory.locations() + count >= kNowhere) return nullptr;
    used_ = static_cast<uint32_t>(end);
    for (uint32_t i = 0; i < count; ++i) location_[first + static_cast<uint64_t>(i) * stride * words] = memory.allocate(1);
    return reinterpret_cast<T*>(words_ + first);
  }

  /// The location of a word, or kNowhere.
  Location locate(const void* word) const {
    const auto offset = static_cast<const uint32_t*>(word) - words_;
    return offset >= 0 && offset < kWords ? location_[offset] : kNowhere;
  }

 private:
  static constexpr uint32_t kWords = 1 << 16;
  static constexpr uint32_t kGap = 64;
  alignas(8) uint32_t words_[kWords] = {};
  Location location_[kWords];
  uint32_t used_ = 0;
};

}  // namespace kerneltwin::explorer
