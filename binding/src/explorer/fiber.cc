#include "fiber.h"

#include <cstring>

namespace kerneltwin::explorer {

#if defined(__x86_64__)

// Callee-saved registers of the System V ABI; the compiler saves the rest around the call.
extern "C" void kerneltwinSwitchStack(void** saveSp, void* loadSp);
asm(R"(
.text
.globl kerneltwinSwitchStack
.hidden kerneltwinSwitchStack
.type kerneltwinSwitchStack, @function
kerneltwinSwitchStack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size kerneltwinSwitchStack, .-kerneltwinSwitchStack
)");

// First frame of a fiber: r12 holds the entry, r13 its argument.
extern "C" void kerneltwinEnterFiber();
asm(R"(
.text
.globl kerneltwinEnterFiber
.hidden kerneltwinEnterFiber
.type kerneltwinEnterFiber, @function
kerneltwinEnterFiber:
  movq %r13, %rdi
  callq *%r12
  ud2
.size kerneltwinEnterFiber, .-kerneltwinEnterFiber
)");

void Fiber::reset(Entry entry, void* argument) {
  if (!stack_) stack_ = std::make_unique<std::byte[]>(kStackBytes);
  auto top = reinterpret_cast<uintptr_t>(stack_.get() + kStackBytes) & ~static_cast<uintptr_t>(15);
  // After the pops and the `ret` into kerneltwinEnterFiber the stack pointer is 16-byte aligned, as `call` wants it.
  auto** frame = reinterpret_cast<void**>(top) - 7;
  frame[0] = nullptr;                              // r15
  frame[1] = nullptr;                              // r14
  frame[2] = argument;                             // r13
  frame[3] = reinterpret_cast<void*>(entry);       // r12
  frame[4] = nullptr;                              // rbx
  frame[5] = nullptr;                              // rbp
  frame[6] = reinterpret_cast<void*>(&kerneltwinEnterFiber);
  sp_ = frame;
}

void Fiber::switchTo(Fiber& from, Fiber& to) { kerneltwinSwitchStack(&from.sp_, to.sp_); }

void Fiber::save(FiberImage& out) const {
  const auto* sp = static_cast<const std::byte*>(sp_);
  out.sp = sp_;
  out.stack.assign(sp, static_cast<const std::byte*>(stack_.get() + kStackBytes));
}

void Fiber::restore(const FiberImage& from) {
  sp_ = from.sp;
  std::memcpy(sp_, from.stack.data(), from.stack.size());
}

#else

namespace {
void enter(unsigned entryHigh, unsigned entryLow, unsigned argHigh, unsigned argLow) {
  const auto join = [](unsigned high, unsigned low) {
    return reinterpret_cast<void*>(static_cast<uintptr_t>(high) << 32 | low);
  };
  reinterpret_cast<Fiber::Entry>(join(entryHigh, entryLow))(join(argHigh, argLow));
}
}  // namespace

void Fiber::reset(Entry entry, void* argument) {
  if (!stack_) stack_ = std::make_unique<std::byte[]>(kStackBytes);
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_.get();
  context_.uc_stack.ss_size = kStackBytes;
  context_.uc_link = nullptr;
  const auto e = reinterpret_cast<uintptr_t>(entry);
  const auto a = reinterpret_cast<uintptr_t>(argument);
  makecontext(&context_, reinterpret_cast<void (*)()>(&enter), 4, static_cast<unsigned>(e >> 32),
              static_cast<unsigned>(e), static_cast<unsigned>(a >> 32), static_cast<unsigned>(a));
}

void Fiber::switchTo(Fiber& from, Fiber& to) { swapcontext(&from.context_, &to.context_); }

// How much of the stack is in use is not known here, so all of it is copied.
void Fiber::save(FiberImage& out) const {
  out.context = context_;
  out.stack.assign(stack_.get(), stack_.get() + kStackBytes);
}

void Fiber::restore(const FiberImage& from) {
  context_ = from.context;
  std::memcpy(stack_.get(), from.stack.data(), kStackBytes);
}

#endif

}  // namespace kerneltwin::explorer
