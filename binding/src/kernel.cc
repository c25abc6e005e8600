#include "kernel.h"

#include "classes.h"
#include "coded_error.h"
#include "convert.h"
#include "kernel_values.h"
#include "world.h"

#include <algorithm>
#include <array>

namespace kerneltwin::binding {

Napi::Function Kernel::define(Napi::Env env) {
  return DefineClass(env, "Kernel",
                     {InstanceAccessor<&Kernel::path>("path"), InstanceAccessor<&Kernel::version>("version"),
                      InstanceMethod<&Kernel::deviceInfo>("deviceInfo"), InstanceMethod<&Kernel::uniqueId>("uniqueId"),
                      InstanceMethod<&Kernel::symmetricBytes>("symmetricBytes"),
                      InstanceMethod<&Kernel::join>("join"), InstanceMethod<&Kernel::barrier>("barrier"),
                      InstanceMethod<&Kernel::leave>("leave"), InstanceMethod<&Kernel::openWorld>("openWorld")});
}

Kernel::Kernel(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Kernel>(info) {
  const std::string file = toText(info[0], "path");
  try {
    session_ = std::make_shared<Session>(openLibrary(file));
  } catch (const LibraryError& error) {
    throw codedError(info.Env(), error.code(), error.what());
  }
}

Napi::Value Kernel::path(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), session_->library->path);
}

Napi::Value Kernel::version(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), session_->library->kt_version());
}

Napi::Value Kernel::deviceInfo(const Napi::CallbackInfo& info) {
  const uint32_t device = toUint32(info[0], "device");
  auto result = std::make_shared<kt_device_info>();
  result->struct_size = sizeof *result;
  return post(info.Env(), session_,
              {.name = "kt_device_query",
               .work = [device, result](const Library& l) { return l.kt_device_query(device, result.get()); },
               .value = [result](Napi::Env env) { return fromDeviceInfo(env, *result); }});
}

Napi::Value Kernel::uniqueId(const Napi::CallbackInfo& info) {
  auto id = std::make_shared<std::array<uint8_t, KT_UNIQUE_ID_BYTES>>();
  return post(info.Env(), session_,
              {.name = "kt_unique_id",
               .work = [id](const Library& l) { return l.kt_unique_id(id->data()); },
               .value = [id](Napi::Env env) {
                 Napi::Uint8Array bytes = Napi::Uint8Array::New(env, id->size());
                 std::copy(id->begin(), id->end(), bytes.Data());
                 return bytes;
               }});
}

Napi::Value Kernel::symmetricBytes(const Napi::CallbackInfo& info) {
  auto options = std::make_shared<WorldOptions>(toWorldOptions(info[0]));
  auto bytes = std::make_shared<uint64_t>(0);
  return post(info.Env(), session_,
              {.name = "kt_symmetric_bytes",
               .work = [options, bytes](const Library& l) { return l.kt_symmetric_bytes(options->linked(), bytes.get()); },
               .value = [bytes](Napi::Env env) { return Napi::BigInt::New(env, *bytes); }});
}

Napi::Value Kernel::join(const Napi::CallbackInfo& info) {
  const kt_join_options options = toJoinOptions(info[0]);
  return post(info.Env(), session_,
              {.name = "kt_join", .work = [options](const Library& l) { return l.kt_join(&options); }});
}

Napi::Value Kernel::barrier(const Napi::CallbackInfo& info) {
  return post(info.Env(), session_, {.name = "kt_barrier", .work = [](const Library& l) { return l.kt_barrier(); }});
}

Napi::Value Kernel::leave(const Napi::CallbackInfo& info) {
  return post(info.Env(), session_, {.name = "kt_leave", .work = [](const Library& l) { return l.kt_leave(); }});
}

Napi::Value Kernel::openWorld(const Napi::CallbackInfo& info) {
  auto options = std::make_shared<WorldOptions>(toWorldOptions(info[0]));
  auto world = std::make_shared<kt_world*>(nullptr);
  return post(info.Env(), session_,
              {.name = "kt_world_open",
               .work = [options, world](const Library& l) { return l.kt_world_open(options->linked(), world.get()); },
               .value = [world, session = session_](Napi::Env env) { return World::make(env, session, *world); }});
}

}  // namespace kerneltwin::binding
