// A group of ranks as child processes of a parent that never touches the GPU.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace kerneltwin::tests {

/// Memory shared between a parent and the children it forks. Zeroed.
void* sharedMemory(uint64_t bytes);

/// How a group ended; empty: all ranks ended well.
struct GroupEnd {
  std::string failure;
};

/// Forks `ranks` children that run `body(rank)` and waits for them at most `seconds`; then kills those that are left. When one
/// child dies the others get ten seconds, since they wait for it.
GroupEnd runRanks(uint32_t ranks, uint32_t seconds, const std::function<int(uint32_t)>& body);

}  // namespace kerneltwin::tests
