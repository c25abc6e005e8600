#include "tensor.h"
#include "kerneltwin/gemm/element.h"

#include <cstring>
#include <stdexcept>
#include <string>

namespace emulator {
namespace {

std::map<const Block*, Tensor> units;

float readElement(const char* at, bool half) {
  kerneltwin::bf16 x;
  std::memcpy(&x, at, 2);
  return kerneltwin::elementToFloat(x, half ? kerneltwin::Dtype::Fp16 : kerneltwin::Dtype::Bf16);
}

/// Row `row` of the operand behind a descriptor, 16 elements of K: K-major, 128-byte swizzle.
void readRow(const char* shared, uint64_t descriptor, uint32_t row, bool half, float (&out)[16]) {
  const uint32_t start = static_cast<uint32_t>(descriptor & 0x3fff) << 4;
  const uint32_t stride = static_cast<uint32_t>(descriptor >> 32 & 0x3fff) << 4;
  const uint32_t line = start + row / 8 * stride + row % 8 * 128;
  for (uint32_t k = 0; k < 16; ++k) out[k] = readElement(shared + swizzleAddress(line + k * 2), half);
}

/// The running thread's accumulators of one m64nNk16 product.
void compute(const char* shared, uint32_t thread, const Product& p) {
  const uint32_t lane = thread % 32;
  float a[2][16];
  for (uint32_t h = 0; h < 2; ++h) readRow(shared, p.weights, thread / 32 % 4 * 16 + h * 8 + lane / 4, p.half, a[h]);
  for (uint32_t j = 0; j < p.width / 8; ++j) {
    for (uint32_t i = 0; i < 2; ++i) {
      float b[16];
      readRow(shared, p.tokens, 8 * j + lane % 4 * 2 + i, p.half, b);
      for (uint32_t h = 0; h < 2; ++h) {
        float& d = p.d[4 * j + 2 * h + i];
        float sum = p.accumulate ? d : 0.0f;
        for (uint32_t k = 0; k < 16; ++k) sum += a[h][k] * b[k];
        d = sum;
      }
    }
  }
}

}  // namespace

Tensor& Tensor::current() { return of(Machine::current().block()); }
Tensor& Tensor::of(const Block& block) { return units[&block]; }
void Tensor::reset() { units.clear(); }

void Tensor::initBarrier(uint32_t address, uint32_t count) {
  if (address % 8 != 0) throw std::runtime_error("mbarrier not aligned");
  barriers_[address] = {count, count, 0, 0, false};
}

Tensor::Barrier& Tensor::barrier(uint32_t address) {
  const auto found = barriers_.find(address);
  if (found == barriers_.end()) throw std::runtime_error("no mbarrier at " + std::to_string(address));
  return found->second;
}

void Tensor::settle(Barrier& b) {
  if (b.pending != 0 || b.bytes != 0) return;
  b.pending = b.count;
  ++b.phase;
}

void Tensor::arrive(uint32_t address, int64_t bytes) {
  Barrier& b = barrier(address);
  if (b.pending == 0) throw std::runtime_error("arrival over the count of mbarrier " + std::to_string(address));
  b.bytes += bytes;
  --b.pending;
  settle(b);
}

void Tensor::arriveFromCluster(uint32_t address, bool releases) {
  barrier(address).ofCluster |= releases;
  arrive(address, 0);
}

bool Tensor::look(uint32_t address, uint32_t parity, bool acquiresCluster) {
  Barrier& b = barrier(address);
  if (b.ofCluster && !acquiresCluster) {
    throw std::runtime_error("waits at mbarrier " + std::to_string(address) + " without acquiring what the cluster's blocks released");
  }
  if ((b.phase & 1) != (parity & 1)) return true;
  landSome();
  Machine::current().yield();
  return (b.phase & 1) != (parity & 1);
}

void Tensor::copyLater(uint32_t barrier, uint32_t bytes, std::function<void()> effect) {
  copies_.push_back({barrier, bytes, std::move(effect)});
}

void Tensor::landSome() {
  Machine& machine = Machine::current();
  while (!copies_.empty() && machine.random(4) == 0) {
    const size_t i = machine.random(copies_.size());
    const Copy copy = std::move(copies_[i]);
    copies_.erase(copies_.begin() + static_cast<ptrdiff_t>(i));
    copy.effect();
    Barrier& b = barrier(copy.barrier);
    b.bytes -= copy.bytes;
    settle(b);
  }
}

void Tensor::issue(const Product& product) {
  if (product.weights >> 62 != 1 || product.tokens >> 62 != 1) throw std::runtime_error("descriptor without the 128-byte swizzle");
  products_[Machine::current().thread().index].open.push_back(product);
}

void Tensor::commit() {
  Products& own = products_[Machine::current().thread().index];
  own.groups.push_back(std::move(own.open));
  own.open.clear();
}

void Tensor::computeUntil(uint32_t left) {
  const Thread& thread = Machine::current().thread();
  auto& groups = products_[thread.index].groups;
  while (groups.size() > left) {
    for (const Product& p : groups.front()) compute(thread.block->shared, thread.index, p);
    groups.erase(groups.begin());
  }
}

void Tensor::meet(uint32_t id, uint32_t threads) { Machine::current().meet(meetings_[id], threads); }

void Tensor::pass(uint32_t id, uint32_t threads) {
  Meeting& meeting = meetings_[id];
  if (++meeting.arrived < threads) return;
  meeting.arrived = 0;
  ++meeting.generation;
}

}  // namespace emulator
