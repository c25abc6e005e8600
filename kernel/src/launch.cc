// Launches of a world: poison, align, launch, wait, read the abort words.
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "fill.h"
#include "kerneltwin/actors/wgmma_args.h"
#include "resident_launch.h"
#include "world.h"

namespace kerneltwin {
namespace {

const char* abortName(uint32_t code) {
  switch (static_cast<AbortCode>(code)) {
    case AbortCode::None: return "none";
    case AbortCode::Deadline: return "deadline";
    case AbortCode::HostRequest: return "host request";
    case AbortCode::QueueOverflow: return "queue overflow";
    case AbortCode::ProtocolError: return "protocol error";
  }
  return "unknown";
}

const char* siteName(uint32_t site) {
  switch (static_cast<Site>(site)) {
    case Site::Start: return "start";
    case Site::Barrier: return "barrier";
    case Site::Dispatch: return "dispatch";
    case Site::Processor: return "processor";
    case Site::Scheduler: return "scheduler";
    case Site::Subscriber: return "subscriber";
  }
  return "unknown";
}

/// Keeps a stream waiting until the host has queued what follows. Ends by itself after a millisecond: a launch that has to
/// load its code first may wait for the device, which must not wait for it in turn.
class StreamHold {
 public:
  StreamHold() : queued_(std::make_shared<std::atomic<bool>>(false)) {}
  StreamHold(const StreamHold&) = delete;
  StreamHold& operator=(const StreamHold&) = delete;
  ~StreamHold() { release(); }

  void on(cudaStream_t stream) {
    auto* shared = new Shared(queued_);  // the waiting function's own: it may outlive this object
    const cudaError_t status = cudaLaunchHostFunc(stream, wait, shared);
    if (status != cudaSuccess) delete shared;
    KT_CUDA(status);
  }
  void release() { queued_->store(true, std::memory_order_release); }

 private:
  using Shared = std::shared_ptr<std::atomic<bool>>;

  static void wait(void* data) {
    const std::unique_ptr<Shared> shared(static_cast<Shared*>(data));
    const auto limit = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
    while (!(*shared)->load(std::memory_order_acquire) && std::chrono::steady_clock::now() < limit) {
    }
  }

  Shared queued_;
};

}  // namespace

void World::poison(uint32_t flags) {
  if (flags & (KT_LAUNCH_POISON_OUTPUT | KT_LAUNCH_POISON_BUFFERS)) {
    KT_CUDA(cudaMemsetAsync(out_.get(), 0xff, out_.bytes(), stream_.get()));
  }
  if (!(flags & KT_LAUNCH_POISON_BUFFERS)) return;
  KT_CUDA(cudaMemsetAsync(intermediate_.get(), 0xff, intermediate_.bytes(), stream_.get()));
  // A peer that is an epoch ahead writes into this heap already: nobody may while it is poisoned.
  session_.barrierOn(stream_.get());
  KT_CUDA(cudaMemsetAsync(heap_->get(), 0xff, heap_->bytes(), stream_.get()));
}

/// Waits by polling, so that a kernel that does not even notice its deadline cannot hang the process.
void World::waitForEnd(uint64_t deadlineNs) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point giveUp = Clock::now() + std::chrono::nanoseconds(deadlineNs) + std::chrono::seconds(20);
  while (true) {
    const cudaError_t state = cudaEventQuery(end_.get());
    if (state == cudaSuccess) return;
    if (state != cudaErrorNotReady) {
      broken_ = true;
      checkCuda(state, "the launch");
    }
    if (Clock::now() > giveUp) {
      broken_ = true;
      throw Failure(KT_CUDA_ERROR, "the launch is still running 20 s after its deadline; end this process");
    }
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

void World::run(LaunchArgs& args, uint32_t flags, kt_launch_result& result) {
  poison(flags);
  StreamHold hold;
  if (flags & KT_LAUNCH_HELD) hold.on(stream_.get());
  if (flags & (KT_LAUNCH_ALIGNED | KT_LAUNCH_POISON_BUFFERS)) session_.barrierOn(stream_.get());
  const KernelVariant& v = facts_.variant;
  WgmmaArgs mapped = {maps_, gateMaps_, args};
  void* parameters[] = {v.maps ? static_cast<void*>(&mapped) : static_cast<void*>(&args)};
  KT_CUDA(cudaEventRecord(begin_.get(), stream_.get()));
  if (options_.transport == KT_TRANSPORT_PUT) {
    launchCollective(v.kernel, blocks_, v.threads, parameters, v.sharedBytes, stream_.get());
  } else {
    launchResident(v, blocks_, parameters, stream_.get());
  }
  KT_CUDA(cudaEventRecord(end_.get(), stream_.get()));
  hold.release();
  waitForEnd(options_.deadlineNs);
  KT_CUDA(cudaEventElapsedTime(&result.ms, begin_.get(), end_.get()));
}

void World::launch(const kt_launch_options& options, kt_launch_result& result) {
  const Shape& s = options_.shape;
  if (broken_) throw Failure(KT_BAD_STATE, "this world is broken by an aborted launch; close it");
  require(options.tokens <= s.tokens, "tokens", "at most shape.tokens = " + std::to_string(s.tokens), options.tokens);
  require(options.capacity <= s.capacity, "capacity", "at most shape.capacity = " + std::to_string(s.capacity),
          options.capacity);
  require(options.flags <= 15, "flags", "kt_launch_flags", options.flags);
  const uint32_t keep = options.capacity == 0 ? s.capacity : options.capacity;
  LaunchArgs args = arguments(options.tokens, keep);
  result.epoch = epoch_;
  result.kernels = 1;
  run(args, options.flags, result);
  LastLaunch last = {options.tokens, keep, epoch_, {}};
  abort_.download(&last.abort, 1);
  last_ = last;
  ++epoch_;
  result.abort_code = last.abort.code;
  result.abort_actor = last.abort.actor;
  result.abort_site = last.abort.site;
  if (last.abort.code == 0) return;
  broken_ = true;
  std::string message = std::string("launch ") + std::to_string(result.epoch) + " of rank " + std::to_string(rank()) +
                        " aborted: " + abortName(last.abort.code) + ", raised by block " +
                        std::to_string(last.abort.actor / kWarpsPerActorBlock) + " warp " +
                        std::to_string(last.abort.actor % kWarpsPerActorBlock) + " in " + siteName(last.abort.site);
  if (static_cast<Site>(last.abort.site) == Site::Barrier) {
    uint64_t arrivals = 0;
    barrier_.download(&arrivals, 1);
    const uint32_t arriving = processors_ + 1;
    message += "; the barrier saw " + std::to_string(arrivals - static_cast<uint64_t>(arriving) * result.epoch) + " of " +
               std::to_string(arriving) + " processors and OS block: are they all resident?";
  }
  throw Failure(KT_ABORTED, message);
}

void World::abort() {
  const uint32_t code = static_cast<uint32_t>(AbortCode::HostRequest);
  KT_CUDA(cudaSetDevice(session_.device()));
  KT_CUDA(cudaMemcpyAsync(&abort_.get()->code, &code, sizeof code, cudaMemcpyHostToDevice, controlStream_.get()));
  KT_CUDA(cudaStreamSynchronize(controlStream_.get()));
}

}  // namespace kerneltwin
