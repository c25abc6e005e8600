#include "session.h"

#include <nvshmem_host.h>
#include <device/nvshmemx_collective_launch_apis.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "failure.h"

namespace kerneltwin {
namespace {

std::unique_ptr<Session> session;
bool left = false;

static_assert(sizeof(nvshmemx_uniqueid_t) == KT_UNIQUE_ID_BYTES);

bool isZero(const uint8_t* id) {
  return std::all_of(id, id + KT_UNIQUE_ID_BYTES, [](uint8_t b) { return b == 0; });
}

/// NVSHMEM's symmetric heap when nothing says otherwise.
constexpr uint64_t kDefaultSymmetricBytes = 1ull << 30;
constexpr const char* kSymmetricSize = "NVSHMEM_SYMMETRIC_SIZE";

/// True once NVSHMEM has read its environment in this process: kt_unique_id makes it.
bool environmentRead = false;

/// Bytes the environment asks for, as NVSHMEM reads them: a number with an optional K, M, G or T; zero: not set.
uint64_t environmentBytes() {
  const char* text = getenv(kSymmetricSize);
  if (text == nullptr) return 0;
  char* end = nullptr;
  const double number = std::strtod(text, &end);
  const char* units = "KMGT";
  const char* unit = *end == '\0' ? nullptr : std::strchr(units, std::toupper(*end));
  if (end == text || number <= 0.0 || (*end != '\0' && unit == nullptr))
    refuse(kSymmetricSize, "bytes, with K, M, G or T", text);
  return static_cast<uint64_t>(number * (unit == nullptr ? 1.0 : static_cast<double>(1ull << 10 * (unit - units + 1))));
}

/// Settings that a user's environment may override. NVLink multicast stays off: a process that dies while using it can
/// take the links of a shared host with it. Without a network transport to look for, starting needs no InfiniBand.
void presetEnvironment() {
  setenv("NVSHMEM_DISABLE_NVLS", "1", 0);
  setenv("NVSHMEM_REMOTE_TRANSPORT", "none", 0);
}

/// The symmetric heap must have one size on all ranks. NVSHMEM reads it when it makes the unique id already, so a size over the
/// default must be in the environment of every rank's process from its start.
void reserveSymmetric(uint64_t bytes) {
  const uint64_t given = environmentBytes();
  if (bytes <= (given != 0 ? given : kDefaultSymmetricBytes)) return;
  const std::string wanted = std::to_string(bytes);
  if (given != 0 || environmentRead) {
    throw Failure(KT_BAD_STATE, "symmetric_bytes: " + wanted + " wanted, " +
                                    std::to_string(given != 0 ? given : kDefaultSymmetricBytes) +
                                    " reserved; start every rank's process with " + kSymmetricSize +
                                    " of at least that");
  }
  setenv(kSymmetricSize, wanted.c_str(), 1);
}

void startNvshmem(const kt_join_options& options) {
  nvshmemx_uniqueid_t id;
  std::memcpy(&id, options.unique_id, sizeof id);
  nvshmemx_init_attr_t attributes = NVSHMEMX_INIT_ATTR_INITIALIZER;
  int status = nvshmemx_set_attr_uniqueid_args(static_cast<int>(options.rank), static_cast<int>(options.ranks), &id,
                                               &attributes);
  if (status != 0) throw Failure(KT_NVSHMEM_ERROR, "nvshmemx_set_attr_uniqueid_args: " + std::to_string(status));
  // nvshmemx_init_attr ends the process when this fails; the call below it does not.
  const nvshmemi_version_t version = {NVSHMEM_VENDOR_MAJOR_VERSION, NVSHMEM_VENDOR_MINOR_VERSION,
                                      NVSHMEM_VENDOR_PATCH_VERSION};
  int provided = 0;
  status =
      nvshmemi_init_thread(NVSHMEM_THREAD_SERIALIZED, &provided, NVSHMEMX_INIT_WITH_UNIQUEID, &attributes, version);
  if (status != 0) {
    throw Failure(KT_NVSHMEM_ERROR, "NVSHMEM initialization of rank " + std::to_string(options.rank) + " of " +
                                        std::to_string(options.ranks) + " failed with status " +
                                        std::to_string(status) + "; NVSHMEM_DEBUG=INFO shows why");
  }
  if (nvshmem_my_pe() != static_cast<int>(options.rank) || nvshmem_n_pes() != static_cast<int>(options.ranks)) {
    throw Failure(KT_NVSHMEM_ERROR, "NVSHMEM numbered this process " + std::to_string(nvshmem_my_pe()) + " of " +
                                        std::to_string(nvshmem_n_pes()) + ", expected " +
                                        std::to_string(options.rank) + " of " + std::to_string(options.ranks));
  }
}

/// A number that tells GPUs apart, of this host or others.
uint64_t gpuName(int device) {
  cudaDeviceProp properties = {};
  KT_CUDA(cudaGetDeviceProperties(&properties, device));
  uint64_t half[2];
  static_assert(sizeof properties.uuid == sizeof half);
  std::memcpy(half, &properties.uuid, sizeof half);
  return half[0] ^ half[1] * 0x9e3779b97f4a7c15;
}

}  // namespace

Session::Session(uint32_t rank, uint32_t ranks, int device, bool alone)
    : rank_(rank), ranks_(ranks), device_(device), alone_(alone) {}

void Session::makeUniqueId(uint8_t* id) {
  nvshmemx_uniqueid_t made = NVSHMEMX_UNIQUEID_INITIALIZER;
  presetEnvironment();
  environmentRead = true;
  const int status = nvshmemx_get_uniqueid(&made);
  if (status != 0) throw Failure(KT_NVSHMEM_ERROR, "nvshmemx_get_uniqueid: status " + std::to_string(status));
  std::memcpy(id, &made, KT_UNIQUE_ID_BYTES);
}

void Session::join(const kt_join_options& options) {
  if (session != nullptr) throw Failure(KT_BAD_STATE, "kt_join: this process has joined already");
  if (left) throw Failure(KT_BAD_STATE, "kt_join: this process has left its world; NVSHMEM starts once a process");
  require(options.ranks >= 1 && options.ranks <= 1024, "kt_join: ranks", "1 to 1024", options.ranks);
  require(options.rank < options.ranks, "kt_join: rank", "less than ranks = " + std::to_string(options.ranks),
          options.rank);
  const bool alone = options.ranks == 1 && isZero(options.unique_id);
  if (!alone && isZero(options.unique_id)) refuse("kt_join: unique_id", "the bytes of kt_unique_id", "zeros");
  int devices = 0;
  KT_CUDA(cudaGetDeviceCount(&devices));
  require(options.device < static_cast<uint32_t>(devices), "kt_join: device",
          "less than " + std::to_string(devices) + " visible devices", options.device);
  KT_CUDA(cudaSetDevice(static_cast<int>(options.device)));
  KT_CUDA(cudaFree(nullptr));
  if (!alone) {
    presetEnvironment();
    reserveSymmetric(options.symmetric_bytes);
    startNvshmem(options);
  }
  session.reset(new Session(options.rank, options.ranks, static_cast<int>(options.device), alone));
  if (alone) return;
  const uint64_t gpu = gpuName(session->device());
  const std::vector<uint64_t> gpus = session->gather(gpu);
  session->sharesGpu_ = std::count(gpus.begin(), gpus.end(), gpu) > 1;
}

void Session::leave() {
  Session& s = current();
  if (s.openWorlds != 0) {
    throw Failure(KT_BAD_STATE, "kt_leave: " + std::to_string(s.openWorlds) + " worlds are open");
  }
  if (!s.alone()) {
    nvshmem_barrier_all();
    nvshmem_finalize();
  }
  session.reset();
  left = true;
}

Session& Session::current() {
  if (session == nullptr) throw Failure(KT_BAD_STATE, "this process has not joined: call kt_join first");
  return *session;
}

bool Session::joined() noexcept { return session != nullptr; }

void* Session::allocate(uint64_t bytes) {
  void* memory = nullptr;
  if (alone_) {
    const cudaError_t error = cudaMalloc(&memory, bytes);
    if (error == cudaErrorMemoryAllocation) memory = nullptr, cudaGetLastError();
    else checkCuda(error, "cudaMalloc");
  } else {
    memory = nvshmem_malloc(bytes);
  }
  if (memory == nullptr) {
    throw Failure(KT_OUT_OF_MEMORY, "symmetric heap: " + std::to_string(bytes) +
                                        " bytes not available; raise symmetric_bytes of kt_join");
  }
  return memory;
}

void Session::release(void* memory) noexcept {
  if (memory == nullptr) return;
  if (alone_) cudaFree(memory);
  else nvshmem_free(memory);
}

void* Session::peerAddress(void* memory, uint32_t peer) const {
  return peer == rank_ ? memory : nvshmem_ptr(memory, static_cast<int>(peer));
}

void Session::barrier() const {
  KT_CUDA(cudaDeviceSynchronize());
  if (!alone_) nvshmem_barrier_all();
  KT_CUDA(cudaDeviceSynchronize());
}

void Session::barrierOn(cudaStream_t stream) const {
  if (!alone_) nvshmemx_barrier_all_on_stream(stream);
}

std::vector<uint64_t> Session::gather(uint64_t value) {
  auto* words = static_cast<uint64_t*>(allocate((ranks_ + 1) * sizeof(uint64_t)));
  KT_CUDA(cudaMemcpy(words + ranks_, &value, sizeof value, cudaMemcpyHostToDevice));
  barrier();
  for (uint32_t r = 0; r < ranks_; ++r) {
    nvshmem_putmem(words + rank_, words + ranks_, sizeof value, static_cast<int>(r));
  }
  barrier();
  std::vector<uint64_t> all(ranks_);
  KT_CUDA(cudaMemcpy(all.data(), words, ranks_ * sizeof value, cudaMemcpyDeviceToHost));
  release(words);
  return all;
}

void Session::agree(uint64_t value, const char* what) {
  if (alone_) return;
  const std::vector<uint64_t> all = gather(value);
  for (uint32_t r = 0; r < ranks_; ++r) {
    if (all[r] == value) continue;
    refuse(what, "the same on every rank", "a difference between ranks " + std::to_string(rank_) + " and " +
                                               std::to_string(r));
  }
}

void launchCollective(const void* kernel, uint32_t blocks, uint32_t threads, void** arguments, uint32_t sharedBytes,
                      cudaStream_t stream) {
  const int status = nvshmemx_collective_launch(kernel, dim3(blocks), dim3(threads), arguments, sharedBytes, stream);
  if (status == 0) return;
  throw Failure(KT_NOT_RESIDENT, "nvshmemx_collective_launch of " + std::to_string(blocks) + " blocks: status " +
                                     std::to_string(status));
}

}  // namespace kerneltwin
