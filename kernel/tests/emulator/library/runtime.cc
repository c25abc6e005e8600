// The emulated CUDA runtime's launches, and the library's fused kernels behind it.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "../../../src/failure.h"
#include "../../../src/forward_kernels.h"
#include "../../../src/resident_launch.h"
#include "cuda_runtime.h"
#include "emulated_kernel.h"
#undef threadIdx
#undef blockIdx
#undef blockDim
#undef gridDim
#include "kerneltwin/actors/forward.cuh"
#include "kerneltwin/actors/transport_direct.cuh"
#include "tensor.h"

namespace kerneltwin {

namespace {

template <class E>
const void* directKernel() {
  static const emulator::EmulatedKernel kernel = {
      MmaBlock::kThreads, kSharedBytes, [](const void* parameter, uint32_t blocks) -> std::function<void()> {
        LaunchArgs args = *static_cast<const LaunchArgs*>(parameter);
        args.deadlineNs = emulator::emulatedDeadline(args.deadlineNs);
        return [args, blocks] { forward<DirectTransport, E>(args, blocks); };
      }};
  return &kernel;
}

}  // namespace

const void* forwardDirectKernel() { return directKernel<Bf16Element>(); }
const void* forwardDirectHalfKernel() { return directKernel<Fp16Element>(); }

const void* forwardPutKernel() {
  static const char kernel = 'p';
  return &kernel;
}

}  // namespace kerneltwin

namespace emulator {

/// Turns after which a launch counts as stuck, far over what the library's tests need.
constexpr uint64_t kTurns = 2'000'000'000;
/// Few, since every block costs 256 fibers; KERNELTWIN_EMULATED_SMS says otherwise.
int sms() {
  const char* text = std::getenv("KERNELTWIN_EMULATED_SMS");
  return text == nullptr ? 3 : std::atoi(text);
}

void runKernel(dim3 grid, uint32_t threads, const std::function<void()>& body) {
  plain.blocks = grid;
  plain.threads = threads;
  Machine machine({1, 1, threads, 64}, 1);
  for (uint32_t y = 0; y < grid.y; ++y) {
    for (uint32_t x = 0; x < grid.x; ++x) {
      plain.block = {x, y, 0};
      machine.run([&](uint32_t) { body(); }, kTurns);
    }
  }
}

}  // namespace emulator

uint32_t kerneltwin::residentClusters(const KernelVariant& v, uint32_t blocks) { return blocks / v.ctas; }

void kerneltwin::launchResident(const KernelVariant& v, uint32_t blocks, void** parameters, cudaStream_t) {
  static uint64_t launches = 0;
  if (v.kernel == forwardPutKernel()) throw Failure(KT_CUDA_ERROR, "the emulator has no put transport");
  const auto& emulated = *static_cast<const emulator::EmulatedKernel*>(v.kernel);
  const std::function<void()> body = emulated.bind(parameters[0], blocks);
  emulator::Tensor::reset();
  try {
    emulator::Machine machine({1, blocks, emulated.threads, emulated.sharedBytes, v.ctas}, ++launches);
    machine.run([&](uint32_t) { body(); }, emulator::kTurns);
  } catch (const std::exception& error) {
    throw Failure(KT_CUDA_ERROR, std::string("emulated launch: ") + error.what());
  }
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* out, int) {
  *out = {};
  std::snprintf(out->name, sizeof out->name, "emulated GPU");
  out->multiProcessorCount = emulator::sms();
  out->major = 9;
  out->sharedMemPerBlockOptin = 227 * 1024;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr what, int) {
  *value = what == cudaDevAttrMultiProcessorCount ? emulator::sms() : 1'000'000;
  return cudaSuccess;
}
