#include "ranks.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

namespace kerneltwin::tests {
namespace {

std::string describe(uint32_t rank, int status) {
  const std::string who = "rank " + std::to_string(rank);
  if (WIFSIGNALED(status)) return who + " died of signal " + std::to_string(WTERMSIG(status));
  return who + " exited with " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

void* sharedMemory(uint64_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("mmap of " + std::to_string(bytes) + " bytes");
  return memory;
}

GroupEnd runRanks(uint32_t ranks, uint32_t seconds, const std::function<int(uint32_t)>& body) {
  using Clock = std::chrono::steady_clock;
  std::fflush(nullptr);
  std::vector<pid_t> children(ranks, -1);
  for (uint32_t r = 0; r < ranks; ++r) {
    children[r] = fork();
    if (children[r] == 0) {
      const int code = body(r);
      std::fflush(nullptr);
      _exit(code);
    }
    if (children[r] < 0) throw std::runtime_error("fork");
  }
  GroupEnd end;
  uint32_t alive = ranks;
  Clock::time_point limit = Clock::now() + std::chrono::seconds(seconds);
  while (alive > 0 && Clock::now() < limit) {
    for (uint32_t r = 0; r < ranks; ++r) {
      int status = 0;
      if (children[r] < 0 || waitpid(children[r], &status, WNOHANG) != children[r]) continue;
      children[r] = -1;
      --alive;
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
      if (end.failure.empty()) end.failure = describe(r, status);
      limit = std::min(limit, Clock::now() + std::chrono::seconds(10));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  for (uint32_t r = 0; r < ranks; ++r) {
    if (children[r] < 0) continue;
    if (end.failure.empty())
      end.failure = "rank " + std::to_string(r) + " was still running after " + std::to_string(seconds) + " s";
    kill(children[r], SIGKILL);
    waitpid(children[r], nullptr, 0);
  }
  return end;
}

}  // namespace kerneltwin::tests
