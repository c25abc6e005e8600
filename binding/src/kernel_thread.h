// One thread makes all calls into the kernel library, in the order they were asked for.
//
// The library is not thread-safe, keeps its last error per thread, and CUDA's current device belongs to a thread; a
// pool would need a lock and a device switch around every call. JavaScript's thread never waits for the GPU.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace kerneltwin::binding {

class KernelThread {
 public:
  KernelThread();
  /// Ends the thread once it has done what was posted. Does not wait: a call may be stuck on the GPU.
  ~KernelThread();
  KernelThread(const KernelThread&) = delete;
  KernelThread& operator=(const KernelThread&) = delete;

  /// Runs `job` after all jobs posted before it. `job` must not throw.
  void post(std::function<void()> job);

 private:
  struct Mailbox {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> jobs;
    bool closed = false;
  };
  static void serve(std::shared_ptr<Mailbox> mailbox);

  std::shared_ptr<Mailbox> mailbox_;
};

}  // namespace kerneltwin::binding
