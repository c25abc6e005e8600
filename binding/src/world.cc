#include "world.h"

#include "classes.h"
#include "coded_error.h"
#include "convert.h"
#include "kernel_values.h"
#include "kerneltwin/trace/record.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace kerneltwin::binding {
namespace {

/// What make() hands to the constructor through an External.
struct Opened {
  std::shared_ptr<Session> session;
  kt_world* world;
};

/// A ring as the library gave it.
struct Ring {
  TraceRingHeader header;
  std::vector<TraceRecord> records;
};

int32_t readRing(const Library& library, const kt_world* world, uint32_t index, Ring& ring) {
  uint32_t stored = 0;
  int32_t status = library.kt_trace_read(world, index, &ring.header, nullptr, 0, &stored);
  if (status != KT_OK) return status;
  const uint32_t held = std::min(ring.header.written, ring.header.capacity);
  ring.records.resize(held);
  status = library.kt_trace_read(world, index, &ring.header, ring.records.data(), held, &stored);
  ring.records.resize(std::min(stored, held));
  return status;
}

int32_t readAllRings(const Library& library, const kt_world* world, std::vector<Ring>& rings) {
  kt_world_info info{};
  info.struct_size = sizeof info;
  int32_t status = library.kt_world_query(world, &info);
  rings.resize(status == KT_OK ? info.rings : 0);
  for (uint32_t i = 0; i < rings.size() && status == KT_OK; ++i) status = readRing(library, world, i, rings[i]);
  return status;
}

Napi::Value copied(Napi::Env env, const void* from, std::size_t bytes) {
  Napi::Uint8Array array = Napi::Uint8Array::New(env, bytes);
  if (bytes != 0) std::memcpy(array.Data(), from, bytes);
  return array;
}

Napi::Value ringValues(Napi::Env env, const std::vector<Ring>& rings) {
  Napi::Array all = Napi::Array::New(env, rings.size());
  for (uint32_t i = 0; i < rings.size(); ++i) {
    const Napi::Object ring = Napi::Object::New(env);
    ring.Set("header", copied(env, &rings[i].header, sizeof(TraceRingHeader)));
    ring.Set("records", copied(env, rings[i].records.data(), rings[i].records.size() * sizeof(TraceRecord)));
    all.Set(i, ring);
  }
  return all;
}

}  // namespace

Napi::Function World::define(Napi::Env env) {
  return DefineClass(
      env, "World",
      {InstanceMethod<&World::info>("info"), InstanceMethod<&World::tensorBytes>("tensorBytes"),
       InstanceMethod<&World::upload>("upload"), InstanceMethod<&World::download>("download"),
       InstanceMethod<&World::fill>("fill"), InstanceMethod<&World::launch>("launch"),
       InstanceMethod<&World::abort>("abort"), InstanceMethod<&World::dump>("dump"),
       InstanceMethod<&World::readRings>("readRings"), InstanceMethod<&World::check>("check"),
       InstanceMethod<&World::close>("close")});
}

Napi::Value World::make(Napi::Env env, const std::shared_ptr<Session>& session, kt_world* world) {
  Opened opened{session, world};
  return env.GetInstanceData<Classes>()->world.New({Napi::External<Opened>::New(env, &opened)});
}

World::World(const Napi::CallbackInfo& info) : Napi::ObjectWrap<World>(info) {
  if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "worlds are opened with kernel.openWorld(options)");
  const Opened& opened = *info[0].As<Napi::External<Opened>>().Data();
  session_ = opened.session;
  world_ = opened.world;
}

kt_world* World::open(Napi::Env env) const {
  if (world_ == nullptr) throw codedError(env, kClosed, "the world is closed");
  return world_;
}

Napi::Value World::info(const Napi::CallbackInfo& info) {
  kt_world* world = open(info.Env());
  auto result = std::make_shared<kt_world_info>();
  result->struct_size = sizeof *result;
  return post(info.Env(), session_,
              {.name = "kt_world_query",
               .work = [world, result](const Library& l) { return l.kt_world_query(world, result.get()); },
               .value = [result](Napi::Env env) { return fromWorldInfo(env, *result); }});
}

Napi::Value World::tensorBytes(const Napi::CallbackInfo& info) {
  kt_world* world = open(info.Env());
  const uint32_t tensor = toTensor(info[0], "tensor");
  auto bytes = std::make_shared<uint64_t>(0);
  return post(info.Env(), session_,
              {.name = "kt_tensor_bytes",
               .work = [=](const Library& l) { return l.kt_tensor_bytes(world, tensor, bytes.get()); },
               .value = [bytes](Napi::Env env) { return Napi::Number::New(env, static_cast<double>(*bytes)); }});
}

Napi::Value World::upload(const Napi::CallbackInfo& info) {
  kt_world* world = open(info.Env());
  const uint32_t tensor = toTensor(info[0], "tensor");
  const uint64_t offset = toSize(info[1], "offset");
  Napi::Uint8Array bytes = toBytes(info[2], "bytes");
  const void* from = bytes.Data();
  const uint64_t length = bytes.ByteLength();
  return post(info.Env(), session_,
              {.name = "kt_upload",
               .work = [=](const Library& l) { return l.kt_upload(world, tensor, offset, from, length); },
               .keep = {bytes}});
}

Napi::Value World::download(const Napi::CallbackInfo& info) {
  kt_world* world = open(info.Env());
  const uint32_t tensor = toTensor(info[0], "tensor");
  const uint64_t offset = toSize(info[1], "offset");
  Napi::Uint8Array bytes = toBytes(info[2], "bytes");
  void* into = bytes.Data();
  const uint64_t length = bytes.ByteLength();
  return post(info.Env(), session_,
              {.name = "kt_download",
               .work = [=](const Library& l) { return l.kt_download(world, tensor, offset, into, length); },
               .keep = {bytes}});
}

Napi::Value World::fill(const Napi::CallbackInfo& info) {
  kt_world* world = open(info.Env());
  const uint32_t tensor = toTensor(info[0], "tensor");
  const uint64_t seed = toUint64(info[1], "seed");
  const double amplitude = toDouble(info[2], "amplitude");
  return post(info.Env(), session_,
              {.name = "kt_fill",
               .work = [=](const Library& l) { return l.kt_fill(world, tensor, seed, amplitude); }});
}

Napi::Value World::launch(const Napi::CallbackInfo& info) {
  kt_world* world = open(info.Env());
  const kt_launch_options options = toLaunchOptions(info[0]);
  auto result = std::make_shared<kt_launch_result>();
  result->struct_size = sizeof *result;
  return post(info.Env(), session_,
              {.name = "kt_launch",
               .work = [=](const Library& l) { return l.kt_launch(world, &options, result.get()); },
               .value = [result](Napi::Env env) { return fromLaunchResult(env, *result); },
               .detail = [result](Napi::Object error) {
                 if (result->abort_code != 0) error.Set("launch", fromLaunchResult(error.Env(), *result));
               }});
}

Napi::Value World::abort(const Napi::CallbackInfo& info) {
  // The one call the library takes from any thread: the kernel thread is inside the launch that this ends.
  const Library& library = *session_->library;
  const int32_t status = library.kt_abort(open(info.Env()));
  if (status != KT_OK) throw callError(info.Env(), library, "kt_abort", status, library.kt_last_error());
  return info.Env().Undefined();
}

Napi::Value World::dump(const Napi::CallbackInfo& info) {
  kt_world* world = open(info.Env());
  auto text = std::make_shared<std::string>();
  return post(info.Env(), session_,
              {.name = "kt_dump",
               .work = [world, text](const Library& l) {
                 uint64_t needed = 0;
                 int32_t status = l.kt_dump(world, nullptr, 0, &needed);
                 if (status != KT_OK) return status;
                 text->resize(needed);
                 status = l.kt_dump(world, text->data(), text->size(), &needed);
                 text->resize(std::strlen(text->c_str()));
                 return status;
               },
               .value = [text](Napi::Env env) { return Napi::String::New(env, *text); }});
}

Napi::Value World::readRings(const Napi::CallbackInfo& info) {
  kt_world* world = open(info.Env());
  auto rings = std::make_shared<std::vector<Ring>>();
  return post(info.Env(), session_,
              {.name = "kt_trace_read",
               .work = [world, rings](const Library& l) { return readAllRings(l, world, *rings); },
               .value = [rings](Napi::Env env) { return ringValues(env, *rings); }});
}

Napi::Value World::check(const Napi::CallbackInfo& info) {
  kt_world* world = open(info.Env());
  const kt_check_options options = toCheckOptions(info[0]);
  auto result = std::make_shared<kt_check_result>();
  result->struct_size = sizeof *result;
  return post(info.Env(), session_,
              {.name = "kt_check",
               .work = [=](const Library& l) { return l.kt_check(world, &options, result.get()); },
               .value = [result](Napi::Env env) { return fromCheckResult(env, *result); }});
}

Napi::Value World::close(const Napi::CallbackInfo& info) {
  kt_world* world = open(info.Env());
  world_ = nullptr;
  return post(info.Env(), session_,
              {.name = "kt_world_close", .work = [world](const Library& l) { return l.kt_world_close(world); }});
}

}  // namespace kerneltwin::binding
