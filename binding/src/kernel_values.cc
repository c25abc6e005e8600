#include "kernel_values.h"

#include "convert.h"

#include <array>
#include <cstring>
#include <initializer_list>
#include <utility>

namespace kerneltwin::binding {
namespace {

/// Value of an enumerated field given by name.
uint32_t toChoice(const Napi::Value& value, const std::string& what, std::initializer_list<const char*> names) {
  const std::string text = toText(value, what);
  std::string all;
  uint32_t index = 0;
  for (const char* name : names) {
    if (text == name) return index;
    all += std::string(index == 0 ? "" : ", ") + name;
    index += 1;
  }
  throw Napi::RangeError::New(value.Env(), what + ": expected one of " + all + ", got " + shown(value));
}

kt_shape toKernelShape(const Napi::Value& value, const std::string& what) {
  const Napi::Object object = toObject(value, what);
  const auto field = [&](const char* name) { return toUint32(object.Get(name), what + "." + name); };
  kt_shape shape{};
  shape.ranks = field("ranks");
  shape.experts = field("experts");
  shape.slots = field("slots");
  shape.tokens = field("tokens");
  shape.hidden = field("hidden");
  shape.intermediate = field("intermediate");
  shape.top_k = field("topK");
  shape.capacity = field("capacity");
  shape.tile_rows = field("tileRows");
  shape.tile_cols = field("tileCols");
  return shape;
}

void set(Napi::Object object, const char* name, double value) {
  object.Set(name, Napi::Number::New(object.Env(), value));
}

/// Byte counts of one GPU are below 2^53, so a number holds them.
void setBytes(Napi::Object object, const char* name, uint64_t value) { set(object, name, static_cast<double>(value)); }

}  // namespace

WorldOptions toWorldOptions(const Napi::Value& value) {
  const Napi::Object object = toObject(value, "options");
  const auto number = [&](const char* name) { return toUint32(object.Get(name), std::string("options.") + name); };
  const auto flag = [&](const char* name) { return toBool(object.Get(name), std::string("options.") + name) ? 1u : 0u; };
  WorldOptions result{};
  kt_world_options& o = result.options;
  o.struct_size = sizeof o;
  o.shape = toKernelShape(object.Get("shape"), "options.shape");
  o.blocks = number("blocks");
  o.transport = toChoice(object.Get("transport"), "options.transport", {"direct", "put"});
  o.readiness = toChoice(object.Get("readiness"), "options.readiness", {"eager", "lazy"});
  o.policy = toChoice(object.Get("policy"), "options.policy", {"fifo", "gemm1-first", "interleave"});
  o.activation = toChoice(object.Get("activation"), "options.activation", 
                          {"identity", "relu", "gelu", "silu", "swiglu", "geglu"});
  o.dtype = toChoice(object.Get("dtype"), "options.dtype", {"bf16", "fp16"});
  o.renormalise = flag("renormalise");
  o.bias = flag("bias");
  o.gate = toChoice(object.Get("gate"), "options.gate", {"topK", "given"});
  o.gemm = toChoice(object.Get("gemm"), "options.gemm", {"mma", "wgmma"});
  o.trace_records = number("traceRecords");
  o.deadline_ns = toUint64(object.Get("deadlineNs"), "options.deadlineNs");

  const Napi::Uint32Array base = toUint32Array(object.Get("placement"), "options.placement");
  if (base.ElementLength() != static_cast<std::size_t>(o.shape.ranks) + 1) {
    throw Napi::RangeError::New(value.Env(), "options.placement: expected ranks + 1 = " +
                                                 std::to_string(o.shape.ranks + 1ull) + " prefix sums, got " +
                                                 std::to_string(base.ElementLength()));
  }
  result.placement.assign(base.Data(), base.Data() + base.ElementLength());
  return result;
}

kt_join_options toJoinOptions(const Napi::Value& value) {
  const Napi::Object object = toObject(value, "options");
  kt_join_options o{};
  o.struct_size = sizeof o;
  o.device = toUint32(object.Get("device"), "options.device");
  o.rank = toUint32(object.Get("rank"), "options.rank");
  o.ranks = toUint32(object.Get("ranks"), "options.ranks");
  o.symmetric_bytes = toUint64(object.Get("symmetricBytes"), "options.symmetricBytes");
  const Napi::Uint8Array id = toBytes(object.Get("uniqueId"), "options.uniqueId");
  if (id.ElementLength() != sizeof o.unique_id) {
    throw Napi::RangeError::New(value.Env(), "options.uniqueId: expected " + std::to_string(sizeof o.unique_id) +
                                                 " bytes, got " + std::to_string(id.ElementLength()));
  }
  std::memcpy(o.unique_id, id.Data(), sizeof o.unique_id);
  return o;
}

kt_launch_options toLaunchOptions(const Napi::Value& value) {
  const Napi::Object object = toObject(value, "options");
  const auto flag = [&](const char* name, uint32_t bit) {
    return toBool(object.Get(name), std::string("options.") + name) ? bit : 0u;
  };
  kt_launch_options o{};
  o.struct_size = sizeof o;
  o.tokens = toUint32(object.Get("tokens"), "options.tokens");
  o.capacity = toUint32(object.Get("capacity"), "options.capacity");
  o.flags = flag("aligned", KT_LAUNCH_ALIGNED) | flag("poisonOutput", KT_LAUNCH_POISON_OUTPUT) |
            flag("poisonBuffers", KT_LAUNCH_POISON_BUFFERS) | flag("held", KT_LAUNCH_HELD);
  return o;
}

kt_check_options toCheckOptions(const Napi::Value& value) {
  kt_check_options o{};
  o.struct_size = sizeof o;
  o.stride = toUint32(toObject(value, "options").Get("stride"), "options.stride");
  return o;
}

uint32_t toTensor(const Napi::Value& value, const std::string& what) {
  return toChoice(value, what, {"x", "wg", "w1", "b1", "w2", "b2", "out", "choices", "rows", "scales"});
}

Napi::Object fromDeviceInfo(Napi::Env env, const kt_device_info& info) {
  const Napi::Object o = Napi::Object::New(env);
  o.Set("name", Napi::String::New(env, info.name));
  set(o, "device", info.device);
  set(o, "devices", info.devices);
  set(o, "sms", info.sms);
  set(o, "capability", info.capability);
  set(o, "clockKhz", info.clock_khz);
  set(o, "driverVersion", info.driver_version);
  set(o, "runtimeVersion", info.runtime_version);
  set(o, "sharedPerBlock", info.shared_per_block);
  set(o, "l2Bytes", info.l2_bytes);
  setBytes(o, "memoryBytes", info.memory_bytes);
  setBytes(o, "memoryFree", info.memory_free);
  set(o, "residentBlocks", info.resident_blocks);
  return o;
}

Napi::Object fromWorldInfo(Napi::Env env, const kt_world_info& info) {
  const Napi::Object o = Napi::Object::New(env);
  set(o, "rank", info.rank);
  set(o, "localExperts", info.local_experts);
  set(o, "blocks", info.blocks);
  set(o, "processors", info.processors);
  set(o, "subscribers", info.subscribers);
  set(o, "threads", info.threads);
  set(o, "sms", info.sms);
  set(o, "blocksPerSm", info.blocks_per_sm);
  set(o, "registers", info.registers);
  set(o, "sharedBytes", info.shared_bytes);
  set(o, "localBytes", info.local_bytes);
  set(o, "rings", info.rings);
  set(o, "epoch", info.epoch);
  setBytes(o, "symmetricBytes", info.symmetric_bytes);
  setBytes(o, "deviceBytes", info.device_bytes);
  return o;
}

Napi::Object fromLaunchResult(Napi::Env env, const kt_launch_result& result) {
  const Napi::Object o = Napi::Object::New(env);
  set(o, "epoch", result.epoch);
  set(o, "abortCode", result.abort_code);
  set(o, "abortActor", result.abort_actor);
  set(o, "abortSite", result.abort_site);
  set(o, "kernels", result.kernels);
  set(o, "ms", result.ms);
  return o;
}

Napi::Object fromCheckResult(Napi::Env env, const kt_check_result& result) {
  const Napi::Object o = Napi::Object::New(env);
  set(o, "tokensChecked", result.tokens_checked);
  set(o, "relativeError", result.relative_error);
  set(o, "maxError", result.max_error);
  set(o, "referenceNorm", result.reference_norm);
  setBytes(o, "unwritten", result.unwritten);
  setBytes(o, "notFinite", result.not_finite);
  setBytes(o, "routingMismatches", result.routing_mismatches);
  setBytes(o, "routingNearTies", result.routing_near_ties);
  setBytes(o, "placementMismatches", result.placement_mismatches);
  setBytes(o, "scaleMismatches", result.scale_mismatches);
  setBytes(o, "dropped", result.dropped);
  set(o, "worstToken", result.worst_token);
  set(o, "worstColumn", result.worst_column);
  return o;
}

}  // namespace kerneltwin::binding
