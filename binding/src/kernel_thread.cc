#include "kernel_thread.h"

#include <thread>
#include <utility>

namespace kerneltwin::binding {

KernelThread::KernelThread() : mailbox_(std::make_shared<Mailbox>()) {
  // Detached: a joinable thread would end the process at exit while a launch hangs.
  std::thread(serve, mailbox_).detach();
}

KernelThread::~KernelThread() {
  const std::lock_guard lock(mailbox_->mutex);
  mailbox_->closed = true;
  mailbox_->changed.notify_one();
}

void KernelThread::post(std::function<void()> job) {
  const std::lock_guard lock(mailbox_->mutex);
  mailbox_->jobs.push_back(std::move(job));
  mailbox_->changed.notify_one();
}

void KernelThread::serve(std::shared_ptr<Mailbox> mailbox) {
  std::unique_lock lock(mailbox->mutex);
  while (true) {
    mailbox->changed.wait(lock, [&] { return mailbox->closed || !mailbox->jobs.empty(); });
    if (mailbox->jobs.empty()) return;
    const std::function<void()> job = std::move(mailbox->jobs.front());
    mailbox->jobs.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
}

}  // namespace kerneltwin::binding
