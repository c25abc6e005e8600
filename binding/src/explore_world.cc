#include "explore_world.h"

#include "convert.h"
#include "explore_values.h"
#include "explorer/litmus.h"

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

namespace {

Napi::Value names(const Napi::CallbackInfo& info) {
  Napi::Array array = Napi::Array::New(info.Env());
  for (const std::string& name : explorer::litmusNames()) array.Set(array.Length(), name);
  return array;
}

Napi::Value litmus(const Napi::CallbackInfo& info) {
  const Napi::Object o = toObject(info[0], "request");
  const std::vector<std::string> known = explorer::litmusNames();
  explorer::LitmusRequest request;
  const std::string name = toText(o.Get("shape"), "request.shape");
  while (request.shape < known.size() && known[request.shape] != name) ++request.shape;
  if (request.shape == known.size()) throwRange(o.Get("shape"), "request.shape", "a name of litmusNames()");
  request.model = toModel(o.Get("model"), "request.model");
  request.all = toBool(o.Get("all"), "request.all");
  if (!request.all) request.seed = toSize(o.Get("seed"), "request.seed");
  request.runs = toSize(o.Get("runs"), "request.runs");
  const explorer::LitmusReport report = explorer::runLitmus(request);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("runs", static_cast<double>(report.runs));
  result.Set("complete", report.complete);
  result.Set("forbidden", static_cast<double>(report.forbidden));
  result.Set("first", fromFailure(info.Env(), report.forbidden > 0, report.first));
  return result;
}

}  // namespace

void defineExplorer(Napi::Env env, Napi::Object exports) {
  exports.Set("ExploredWorld", ExploredWorld::define(env));
  exports.Set("litmusNames", Napi::Function::New<names>(env, "litmusNames"));
  exports.Set("litmus", Napi::Function::New<litmus>(env, "litmus"));
}

}  // namespace kerneltwin::binding
