// The emulator's stand-in for kerneltwin/ptx/bulk.cuh. As late as the GPU may: a load lands some time after it started; a store
// poisons its destination, reads its source when its thread waits for that, and is made when its thread waits for that.
#pragma once

#include <cstring>
#include <map>
#include <stdexcept>
#include <vector>

#include "kerneltwin/ptx/vector.cuh"
#include "tensor.h"

namespace kerneltwin::ptx {

struct BulkStore {
  char* to;
  uint32_t from;
  uint32_t bytes;
  bool committed;
  std::vector<char> data;  ///< empty until the source is read
};

/// Stores under way, by thread.
inline std::map<const emulator::Thread*, std::vector<BulkStore>> bulkStores;

inline void checkBulk(const void* global, uint32_t shared, uint32_t bytes) {
  checkAligned(global);
  if (shared % 16 != 0 || bytes % 16 != 0 || bytes == 0) throw std::runtime_error("bulk copy is not in units of 16 bytes");
}

inline void loadBulk(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier, uint64_t) {
  checkBulk(from, to, bytes);
  char* shared = machine().block().shared;
  std::memset(shared + to, 0xff, bytes);
  emulator::Tensor::current().copyLater(barrier, bytes, [=] { std::memcpy(shared + to, from, bytes); });
}

inline void prefetchBulk(const void* from, uint32_t bytes) { checkBulk(from, 0, bytes); }

inline void storeBulk(void* to, uint32_t from, uint32_t bytes) {
  checkBulk(to, from, bytes);
  std::memset(to, 0xff, bytes);
  bulkStores[&machine().thread()].push_back({static_cast<char*>(to), from, bytes, false, {}});
}

inline void commitStores() {
  for (BulkStore& s : bulkStores[&machine().thread()]) s.committed = true;
}

inline void waitStoresRead() {
  const char* shared = machine().block().shared;
  for (BulkStore& s : bulkStores[&machine().thread()]) {
    if (s.committed && s.data.empty()) s.data.assign(shared + s.from, shared + s.from + s.bytes);
  }
}

inline void waitStores() {
  waitStoresRead();
  std::vector<BulkStore>& stores = bulkStores[&machine().thread()];
  for (const BulkStore& s : stores) {
    if (!s.committed) throw std::runtime_error("waits for bulk stores that were not committed");
    std::memcpy(s.to, s.data.data(), s.bytes);
  }
  stores.clear();
}

inline void endBarrier(uint32_t) {}

}  // namespace kerneltwin::ptx
