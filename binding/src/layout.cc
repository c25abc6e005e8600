#include "layout.h"

#include "layout_values.h"

#include <type_traits>

namespace kerneltwin::binding {
namespace {

/// Makes a JavaScript function of a layout function: reads each argument by its C++ type, converts the result.
template <auto F>
struct Wrapped;

template <typename R, typename... A, R (*F)(A...)>
struct Wrapped<F> {
  static Napi::Value call(const Napi::CallbackInfo& info) { return invoke(info, std::index_sequence_for<A...>{}); }

 private:
  template <std::size_t... I>
  static Napi::Value invoke(const Napi::CallbackInfo& info, std::index_sequence<I...>) {
    return to(info.Env(), F(From<std::remove_cvref_t<A>>::value(info[I], "argument " + std::to_string(I + 1))...));
  }
};

/// Division by zero would end the process, so these two check what the headers leave to their callers.
uint32_t divisor(const Napi::CallbackInfo& info) {
  const uint32_t b = toUint32(info[1], "argument 2");
  if (b == 0) throw Napi::RangeError::New(info.Env(), "argument 2: expected at least 1, got 0");
  return b;
}

Napi::Value wrappedCeilDiv(const Napi::CallbackInfo& info) {
  return to(info.Env(), ceilDiv(toUint32(info[0], "argument 1"), divisor(info)));
}

Napi::Value wrappedRoundUp(const Napi::CallbackInfo& info) {
  return to(info.Env(), roundUp(toUint32(info[0], "argument 1"), divisor(info)));
}

/// The array must outlive the returned view; both are arguments of the running call.
Placement placement(const Napi::Uint32Array& base, Napi::Env env) {
  if (base.ElementLength() < 2) {
    throw Napi::RangeError::New(env, "argument 1: expected ranks + 1 prefix sums, got " +
                                         std::to_string(base.ElementLength()) + " elements");
  }
  return {base.Data(), static_cast<uint32_t>(base.ElementLength() - 1)};
}

Napi::Value wrappedHome(const Napi::CallbackInfo& info) {
  const Napi::Uint32Array base = toUint32Array(info[0], "argument 1");
  return to(info.Env(), placement(base, info.Env()).home(toUint32(info[1], "argument 2")));
}

Napi::Value wrappedLocalExperts(const Napi::CallbackInfo& info) {
  const Napi::Uint32Array base = toUint32Array(info[0], "argument 1");
  const Placement p = placement(base, info.Env());
  return to(info.Env(), p.localExperts(toUint32(info[1], "argument 2", p.ranks - 1)));
}

Napi::Value wrappedGlobalExpert(const Napi::CallbackInfo& info) {
  const Napi::Uint32Array base = toUint32Array(info[0], "argument 1");
  const Placement p = placement(base, info.Env());
  return to(info.Env(), p.globalExpert(toUint32(info[1], "argument 2", p.ranks - 1), toUint32(info[2], "argument 3")));
}

}  // namespace

Napi::Object layoutFunctions(Napi::Env env) {
  Napi::Object table = Napi::Object::New(env);
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    table.Set(name, Napi::Function::New(env, function, name));
  };
#define KT_ADD(name) add(#name, Wrapped<&kerneltwin::name>::call)
  KT_ADD(gemm0Cols);
  KT_ADD(gemm1Cols);
  KT_ADD(cellRowBlocks);
  KT_ADD(rowBlocks);
  KT_ADD(rowSpan);
  KT_ADD(tileWidth);
  KT_ADD(cellIndex);
  KT_ADD(heapCells);
  KT_ADD(heapRow);
  KT_ADD(heapRows);
  KT_ADD(dispatchOffset);
  KT_ADD(combineOffset);
  KT_ADD(heapElements);
  KT_ADD(intermediateOffset);
  KT_ADD(intermediateElements);
  KT_ADD(dispatchFlag);
  KT_ADD(dispatchFlags);
  KT_ADD(combineFlag);
  KT_ADD(flagCount);
  KT_ADD(gemm0Tasks);
  KT_ADD(gemm1Tasks);
  KT_ADD(combineTasks);
  KT_ADD(taskSpace);
  KT_ADD(rowBlockIndex);
  KT_ADD(gemm0Task);
  KT_ADD(gemm1Task);
  KT_ADD(combineTask);
  KT_ADD(decodeTask);
  KT_ADD(epochState);
  KT_ADD(freshness);
  KT_ADD(packSignal);
  KT_ADD(unpackSignal);
  KT_ADD(queueTag);
  KT_ADD(packEntry);
  KT_ADD(unpackEntry);
  KT_ADD(packDoorbell);
  KT_ADD(unpackDoorbell);
  KT_ADD(packetLimits);
  KT_ADD(packRecord);
  KT_ADD(packPut);
  KT_ADD(packSignalArg);
  KT_ADD(packReady);
  KT_ADD(actorId);
#undef KT_ADD
  add("ceilDiv", wrappedCeilDiv);
  add("roundUp", wrappedRoundUp);
  add("home", wrappedHome);
  add("localExperts", wrappedLocalExperts);
  add("globalExpert", wrappedGlobalExpert);
  return table;
}

}  // namespace kerneltwin::binding
