#include "explore_world.h"

#include "convert.h"
#include "explore_values.h"

namespace kerneltwin::binding {

Napi::Function ExploredWorld::define(Napi::Env env) {
  return DefineClass(env, "ExploredWorld",
                     {InstanceMethod<&ExploredWorld::run>("run"), InstanceMethod<&ExploredWorld::batch>("batch"),
                      InstanceMethod<&ExploredWorld::search>("search"),
                      InstanceMethod<&ExploredWorld::locations>("locations")});
}

ExploredWorld::ExploredWorld(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  std::string problem;
  session_ = explorer::openSession(toWorldConfig(info[0]), problem);
  if (session_ == nullptr) throw Napi::RangeError::New(info.Env(), "world: " + problem);
}

Napi::Value ExploredWorld::run(const Napi::CallbackInfo& info) {
  return fromRun(info.Env(), session_->run(toRunRequest(info[0])));
}

Napi::Value ExploredWorld::batch(const Napi::CallbackInfo& info) {
  return fromBatch(info.Env(), session_->batch(toBatchRequest(info[0])));
}

Napi::Value ExploredWorld::search(const Napi::CallbackInfo& info) {
  const Napi::Object o = toObject(info[0], "request");
  const bool reduce = o.Get("reduce").IsUndefined() || toBool(o.Get("reduce"), "request.reduce");
  std::string problem;
  const explorer::SearchResult result = session_->search(toSize(o.Get("maxStates"), "request.maxStates"), reduce, problem);
  if (!problem.empty()) throw Napi::RangeError::New(info.Env(), "world: " + problem);
  return fromSearch(info.Env(), result);
}

Napi::Value ExploredWorld::locations(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), session_->locations());
}

void defineExplorer(Napi::Env env, Napi::Object exports) {
  exports.Set("ExploredWorld", ExploredWorld::define(env));
}

}  // namespace kerneltwin::binding
