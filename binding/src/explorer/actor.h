// One fiber's life: what a warp or a put engine of the kernel does, launch after launch.
#pragma once

#include "world.h"

namespace kerneltwin::explorer {

class Actor {
 public:
  Actor(World& w, uint32_t fiber);
  void live();

  // Transport policy of protocol/send.h: direct stores, or puts from the outgoing stage.
  void recordRows(HostTrace& trace, uint32_t dest, uint32_t slot, uint32_t first, uint32_t rows);
  void beforeCellSignal(HostTrace& trace, uint32_t dest, uint32_t slot, uint32_t rows);
  void deliverCell(HostMemory& mem, uint32_t dest, uint32_t slot, uint32_t rows, uint32_t flag, uint64_t word);
  void deliverTile(HostMemory& mem, uint32_t dest, uint32_t slot, RowSpan span, uint32_t col, uint32_t flag, uint64_t word);

 private:
  RankWords& my() { return w_.ranks_[rank_]; }
  uint32_t actor() const;
  std::string name() const;
  bool direct() const { return c_.puts == 0; }

  Location rowAt(uint32_t owner, uint32_t source, Stage stage, uint32_t slot, uint32_t row);
  Location tileAt(uint32_t owner, uint32_t source, Stage stage, uint32_t slot, uint32_t row, uint32_t col);
  Location heapAt(uint32_t owner, uint64_t offset);
  void write(Location at, uint64_t value);
  void writeNow(Location at, uint64_t value);
  void expect(Location at, uint64_t value, const char* invariant, const char* what);

  void processor();
  void scheduler();
  void subscriber();
  void putEngine();
  void deliver(PutOp& op);
  void issue(PutOp op);
  void quiet();
  template <Order O>
  void signal(HostMemory& mem, uint32_t dest, uint32_t flag, uint64_t word);
  uint64_t ghostly(uint64_t word) const { return word | static_cast<uint64_t>(epoch_) << kGhostShift; }

  void barrier();
  void dispatch();
  void gemm0(const Task& t, uint32_t rows);
  void gemm1(const Task& t, uint32_t rows);
  void combine(const Task& t, uint32_t rows);
  void execute(const Task& task, uint32_t index, uint32_t rows);
  uint32_t tokenOf(uint32_t expert, uint32_t row);
  uint32_t choicesOf(uint32_t token);
  void finishToken(uint32_t token, uint32_t col);
  ProcessorQueue processorQueue();

  World& w_;
  const WorldConfig& c_;
  const Shape& s_;
  Explorer& x_;
  uint32_t fiber_;
  uint32_t rank_;
  uint32_t role_;
  uint32_t epoch_ = 0;
  uint32_t issued_ = 0;  ///< puts
  Placement placement_;
  HostMemory mem_;
  HostTrace trace_;
};

}  // namespace kerneltwin::explorer
