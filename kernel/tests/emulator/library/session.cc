// The library's session without NVSHMEM: a rank alone.
#include "../../../src/session.h"

#include <algorithm>

#include "../../../src/failure.h"

namespace kerneltwin {
namespace {

std::unique_ptr<Session> session;

}  // namespace

Session::Session(uint32_t rank, uint32_t ranks, int device, bool alone)
    : rank_(rank), ranks_(ranks), device_(device), alone_(alone) {}

void Session::makeUniqueId(uint8_t* id) { std::fill_n(id, KT_UNIQUE_ID_BYTES, uint8_t{0}); }

void Session::join(const kt_join_options& options) {
  if (options.ranks != 1) throw Failure(KT_UNSUPPORTED, "the emulated library runs one rank");
  session.reset(new Session(0, 1, 0, true));
}

void Session::leave() { session.reset(); }

Session& Session::current() {
  if (session == nullptr) throw Failure(KT_BAD_STATE, "this process has not joined: call kt_join first");
  return *session;
}

bool Session::joined() noexcept { return session != nullptr; }

void* Session::allocate(uint64_t bytes) {
  void* memory = nullptr;
  KT_CUDA(cudaMalloc(&memory, bytes));
  return memory;
}

void Session::release(void* memory) noexcept { cudaFree(memory); }
void* Session::peerAddress(void* memory, uint32_t) const { return memory; }
void Session::barrier() const {}
void Session::barrierOn(cudaStream_t) const {}
void Session::agree(uint64_t, const char*) {}

void launchCollective(const void*, uint32_t, uint32_t, void**, uint32_t, cudaStream_t) {
  throw Failure(KT_UNSUPPORTED, "the emulated library has no NVSHMEM");
}

}  // namespace kerneltwin
