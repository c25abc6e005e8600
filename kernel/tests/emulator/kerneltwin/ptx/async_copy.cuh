// The emulator's stand-in for kerneltwin/ptx/async_copy.cuh. A copy poisons its target when it starts and lands only when its
// thread waits for it: as late as the GPU may.
#pragma once

#include <cstring>
#include <stdexcept>

#include "kerneltwin/ptx/vector.cuh"

namespace kerneltwin::ptx {

inline void copyAsync16(uint32_t to, const void* from) {
  checkAligned(from);
  char* target = machine().block().shared + to;
  checkAligned(target);
  std::memset(target, 0xff, 16);
  machine().thread().open.push_back({target, from});
}

inline void commitCopies() {
  emulator::Thread& self = machine().thread();
  self.groups.push_back(std::move(self.open));
  self.open.clear();
}

template <int N>
void waitCopies() {
  auto& groups = machine().thread().groups;
  while (groups.size() > N) {
    for (const emulator::PendingCopy& c : groups.front()) std::memcpy(c.to, c.from, 16);
    groups.erase(groups.begin());
  }
}

}  // namespace kerneltwin::ptx
