// The state of a world as text and as traces: what to read after a launch, above all after one that aborted.
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "kerneltwin/protocol/arrival.h"
#include "ring_order.h"
#include "world.h"

namespace kerneltwin {
namespace {

/// Most lines of one kind; the rest is counted.
constexpr uint32_t kMostLines = 48;

class Text {
 public:
  __attribute__((format(printf, 2, 3))) void line(const char* format, ...) {
    char buffer[512];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(buffer, sizeof buffer, format, arguments);
    va_end(arguments);
    text_ += buffer;
    text_ += '\n';
  }
  const std::string& get() const { return text_; }

 private:
  std::string text_;
};

template <class T>
std::vector<T> copyOf(const DeviceArray<T>& array) {
  std::vector<T> host(array.count());
  array.download(host.data(), host.size());
  return host;
}

void dumpMailboxes(Text& text, const std::vector<uint64_t>& doorbells, const std::vector<uint32_t>& status, bool eager) {
  uint32_t listed = 0;
  uint32_t busy = 0;
  for (uint32_t p = 0; p < status.size(); ++p) {
    const Doorbell bell = unpackDoorbell(doorbells[p * kDoorbellStride]);
    if (bell.exit && (!eager || status[p] == bell.sequence)) continue;
    ++busy;
    if (listed++ >= kMostLines) continue;
    text.line("  processor %u: doorbell task %u sequence %u%s, status %u", p, bell.task, bell.sequence,
              bell.exit ? " exit" : "", status[p]);
  }
  text.line("processors that have not taken their exit doorbell: %u of %zu", busy, status.size());
}

void dumpNonZero(Text& text, const char* name, const std::vector<uint32_t>& words) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < words.size(); ++i) {
    if (words[i] == 0) continue;
    if (count++ < 8) text.line("  %s[%u] = %u", name, i, words[i]);
  }
  text.line("%s: %u of %zu not at zero", name, count, words.size());
}

void dumpFlags(Text& text, const Shape& s, const std::vector<uint64_t>& flags, uint32_t local, uint32_t epoch) {
  uint32_t missing = 0;
  for (uint32_t source = 0; source < s.ranks; ++source) {
    for (uint32_t slot = 0; slot < local; ++slot) {
      const Signal signal = unpackSignal(flags[dispatchFlag(s, source, slot)]);
      if (signal.state == epochState(epoch)) continue;
      if (missing++ < kMostLines) {
        text.line("  dispatch flag of rank %u slot %u: state %u rows %u row blocks %u (epoch state is %u)", source, slot,
                  signal.state, signal.rows, signal.rowTiles, epochState(epoch));
      }
    }
  }
  text.line("dispatch flags not of this epoch: %u of %u", missing, s.ranks * local);
  uint32_t unread = 0;
  for (uint64_t f = dispatchFlags(s); f < flags.size(); ++f) {
    if (flags[f] == 0) continue;
    const Signal signal = unpackSignal(flags[f]);
    if (unread++ < kMostLines) text.line("  combine flag %zu: state %u rows %u", static_cast<size_t>(f), signal.state, signal.rows);
  }
  text.line("combine flags not read: %u", unread);
}

}  // namespace

std::string World::dump() const {
  const Shape& s = options_.shape;
  Text text;
  text.line("world of rank %u of %u: %u blocks (%u processors, %u subscribers), %u SMs, epoch %u%s", rank(), s.ranks, blocks_,
            processors_, subscribers(), facts_.sms, epoch_, broken_ ? ", broken" : "");
  text.line("shape: experts %u slots %u tokens %u hidden %u intermediate %u k %u capacity %u tile %ux%u%s", s.experts, s.slots,
            s.tokens, s.hidden, s.intermediate, s.topK, s.capacity, s.tileRows, s.tileCols, s.gated ? ", gated" : "");
  if (!last_) {
    text.line("nothing launched yet");
    return text.get();
  }
  const uint32_t epoch = last_->epoch;
  text.line("last launch: epoch %u (state %u), %u tokens, keep %u, abort code %u actor %u:%u site %u", epoch, epochState(epoch),
            last_->tokens, last_->keep, last_->abort.code, last_->abort.actor / kWarpsPerActorBlock,
            last_->abort.actor % kWarpsPerActorBlock, last_->abort.site);
  const OsReport os = copyOf(osReport_).front();
  text.line("OS block: bound %u (at first %u), corrected for %u peers, interrupted %u", os.bound, os.initialBound,
            os.correctedPeers, os.interrupted);
  const uint64_t arrivals = copyOf(barrier_).front();
  text.line("barrier: %llu arrivals, %llu expected by the end of this launch", static_cast<unsigned long long>(arrivals),
            static_cast<unsigned long long>(barrierTarget(processors_ + 1, kBarrierPhases, epoch, kBarrierPhases - 1)));
  const std::vector<uint32_t> tickets = copyOf(tickets_);
  const std::vector<uint32_t> heads = copyOf(heads_);
  for (uint32_t q = 0; q < subscribers(); ++q) {
    text.line("queue of subscriber %u: %u published, %u consumed", q, tickets[q], heads[q]);
  }
  text.line("queue of processors: %u published, %u consumed", copyOf(processorTail_).front(), heads[subscribers()]);
  dumpMailboxes(text, copyOf(doorbells_), copyOf(status_), options_.eager);
  dumpNonZero(text, "cell arrivals", copyOf(cellArrivals_));
  dumpNonZero(text, "row block arrivals", copyOf(rowBlockArrivals_));
  dumpNonZero(text, "token arrivals", copyOf(tokenArrivals_));
  std::vector<uint64_t> flags(flagCount(s));
  KT_CUDA(cudaMemcpy(flags.data(), flags_->get(), flags_->bytes(), cudaMemcpyDeviceToHost));
  dumpFlags(text, s, flags, localExperts(), epoch);
  return text.get();
}

uint32_t World::readTrace(uint32_t ring, void* header, void* records, uint32_t capacity) const {
  require(ring < rings(), "ring", rings() == 0 ? "none: tracing is off" : "less than " + std::to_string(rings()), ring);
  TraceRingHeader h;
  KT_CUDA(cudaMemcpy(&h, ringHeaders_.get() + ring, sizeof h, cudaMemcpyDeviceToHost));
  std::memcpy(header, &h, sizeof h);
  const uint32_t stored = std::min({h.written, h.capacity, capacity});
  auto* to = static_cast<TraceRecord*>(records);
  if (stored > 0) {
    KT_CUDA(cudaMemcpy(to, ringRecords_.get() + static_cast<uint64_t>(ring) * options_.traceRecords,
                       stored * sizeof(TraceRecord), cudaMemcpyDeviceToHost));
  }
  sortByTime(to, stored);
  return stored;
}

}  // namespace kerneltwin
