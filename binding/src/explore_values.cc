#include "explore_values.h"

#include "convert.h"
#include "shape_value.h"

namespace kerneltwin::binding {
namespace {

using namespace explorer;

/// A field that may be absent.
template <class F>
void optional(const Napi::Object& object, const char* name, F read) {
  const Napi::Value value = object.Get(name);
  if (!value.IsUndefined()) read(value);
}

std::vector<uint32_t> toWords(const Napi::Value& value, const std::string& what) {
  const Napi::Uint32Array array = toUint32Array(value, what);
  return {array.Data(), array.Data() + array.ElementLength()};
}

Strategy toStrategy(const Napi::Value& value, const std::string& what) {
  const std::string name = toText(value, what);
  if (name == "random") return Strategy::Random;
  if (name == "pct") return Strategy::Pct;
  if (name == "replay") return Strategy::Replay;
  throwRange(value, what, "'random', 'pct' or 'replay'");
}

template <class Array, class T, class F>
Array column(Napi::Env env, const std::vector<T>& rows, F value) {
  Array array = Array::New(env, rows.size());
  for (size_t i = 0; i < rows.size(); ++i) array[i] = value(rows[i]);
  return array;
}

Napi::Value fromWords(Napi::Env env, const std::vector<uint32_t>& words) {
  return column<Napi::Uint32Array>(env, words, [](uint32_t w) { return w; });
}

Napi::Object fromEvents(Napi::Env env, const std::vector<Event>& events) {
  Napi::Object columns = Napi::Object::New(env);
  columns.Set("step", column<Napi::Float64Array>(env, events, [](const Event& e) { return static_cast<double>(e.step); }));
  columns.Set("launch", column<Napi::Uint32Array>(env, events, [](const Event& e) { return e.launch; }));
  columns.Set("rank", column<Napi::Uint16Array>(env, events, [](const Event& e) { return e.rank; }));
  columns.Set("actor", column<Napi::Uint32Array>(env, events, [](const Event& e) { return e.actor; }));
  columns.Set("kind", column<Napi::Uint8Array>(env, events, [](const Event& e) { return e.kind; }));
  columns.Set("aux", column<Napi::Uint16Array>(env, events, [](const Event& e) { return e.aux; }));
  columns.Set("a", column<Napi::Uint32Array>(env, events, [](const Event& e) { return e.a; }));
  columns.Set("b", column<Napi::Uint32Array>(env, events, [](const Event& e) { return e.b; }));
  return columns;
}

}  // namespace

Model toModel(const Napi::Value& value, const std::string& what) {
  const std::string name = toText(value, what);
  if (name == "weak") return Model::Weak;
  if (name == "sc") return Model::SequentiallyConsistent;
  throwRange(value, what, "'weak' or 'sc'");
}

static Lanes toLanes(const Napi::Value& value, const std::string& what) {
  const std::string name = toText(value, what);
  if (name == "up") return Lanes::Up;
  if (name == "down") return Lanes::Down;
  if (name == "views") return Lanes::Views;
  throwRange(value, what, "'up', 'down' or 'views'");
}

static Scheduling toScheduling(const Napi::Value& value, const std::string& what) {
  const std::string name = toText(value, what);
  if (name == "fifo") return Scheduling::Fifo;
  if (name == "gemm1-first") return Scheduling::Gemm1First;
  if (name == "interleave") return Scheduling::Interleave;
  throwRange(value, what, "'fifo', 'gemm1-first' or 'interleave'");
}

WorldConfig toWorldConfig(const Napi::Value& value) {
  const Napi::Object o = toObject(value, "world");
  WorldConfig c;
  c.shape = toShape(o.Get("shape"), "world.shape");
  c.expertBase = toWords(o.Get("expertBase"), "world.expertBase");
  c.processors = toUint32(o.Get("processors"), "world.processors");
  c.subscribers = toUint32(o.Get("subscribers"), "world.subscribers");
  c.epochs = toUint32(o.Get("epochs"), "world.epochs");
  c.eager = toBool(o.Get("eager"), "world.eager");
  c.scheduling = toScheduling(o.Get("policy"), "world.policy");
  c.backlog = toUint32(o.Get("backlog"), "world.backlog");
  c.model = toModel(o.Get("model"), "world.model");
  c.rows = toWords(o.Get("rows"), "world.rows");
  optional(o, "puts", [&](const Napi::Value& v) { c.puts = toUint32(v, "world.puts"); });
  optional(o, "lanes", [&](const Napi::Value& v) { c.lanes = toLanes(v, "world.lanes"); });
  return c;
}

RunRequest toRunRequest(const Napi::Value& value) {
  const Napi::Object o = toObject(value, "request");
  RunRequest r;
  r.strategy = toStrategy(o.Get("strategy"), "request.strategy");
  if (r.strategy == Strategy::Replay) r.choices = toWords(o.Get("choices"), "request.choices");
  else r.seed = toSize(o.Get("seed"), "request.seed");
  optional(o, "index", [&](const Napi::Value& v) { r.index = toSize(v, "request.index"); });
  optional(o, "depth", [&](const Napi::Value& v) { r.depth = toUint32(v, "request.depth", 100); });
  optional(o, "maxSteps", [&](const Napi::Value& v) { r.maxSteps = toSize(v, "request.maxSteps"); });
  optional(o, "keepChoices", [&](const Napi::Value& v) { r.keepChoices = toBool(v, "request.keepChoices"); });
  optional(o, "keepEvents", [&](const Napi::Value& v) { r.keepEvents = toBool(v, "request.keepEvents"); });
  optional(o, "keepDigests", [&](const Napi::Value& v) { r.keepDigests = toBool(v, "request.keepDigests"); });
  optional(o, "keepAccesses", [&](const Napi::Value& v) { r.keepAccesses = toBool(v, "request.keepAccesses"); });
  return r;
}

BatchRequest toBatchRequest(const Napi::Value& value) {
  const Napi::Object o = toObject(value, "request");
  BatchRequest r;
  r.strategy = toStrategy(o.Get("strategy"), "request.strategy");
  if (r.strategy == Strategy::Replay) throwRange(o.Get("strategy"), "request.strategy", "'random' or 'pct'");
  r.seed = toSize(o.Get("seed"), "request.seed");
  r.runs = toSize(o.Get("runs"), "request.runs");
  optional(o, "first", [&](const Napi::Value& v) { r.first = toSize(v, "request.first"); });
  optional(o, "depth", [&](const Napi::Value& v) { r.depth = toUint32(v, "request.depth", 100); });
  optional(o, "maxSteps", [&](const Napi::Value& v) { r.maxSteps = toSize(v, "request.maxSteps"); });
  optional(o, "until", [&](const Napi::Value& v) { r.until = toText(v, "request.until"); });
  return r;
}

Napi::Value fromFailure(Napi::Env env, bool failed, const Failure& failure) {
  if (!failed) return env.Null();
  Napi::Object o = Napi::Object::New(env);
  o.Set("invariant", failure.invariant);
  o.Set("message", failure.message);
  o.Set("step", static_cast<double>(failure.step));
  return o;
}

Napi::Value fromRun(Napi::Env env, const RunReport& report) {
  Napi::Object o = Napi::Object::New(env);
  o.Set("failure", fromFailure(env, report.failed, report.failure));
  o.Set("steps", static_cast<double>(report.steps));
  o.Set("choices", fromWords(env, report.choices));
  o.Set("events", fromEvents(env, report.events));
  o.Set("digests", fromWords(env, report.digests));
  o.Set("accesses", fromWords(env, report.accesses));
  return o;
}

Napi::Value fromBatch(Napi::Env env, const BatchReport& report) {
  Napi::Object o = Napi::Object::New(env);
  o.Set("runs", static_cast<double>(report.runs));
  o.Set("steps", static_cast<double>(report.steps));
  Napi::Array failures = Napi::Array::New(env);
  for (const FailureCount& c : report.failures) {
    Napi::Object f = fromFailure(env, true, c.first).As<Napi::Object>();
    f.Set("firstRun", static_cast<double>(c.firstRun));
    f.Set("count", static_cast<double>(c.count));
    failures.Set(failures.Length(), f);
  }
  o.Set("failures", failures);
  return o;
}

Napi::Value fromSearch(Napi::Env env, const SearchResult& result) {
  Napi::Object o = Napi::Object::New(env);
  const auto number = [&](const char* name, double value) { o.Set(name, value); };
  o.Set("complete", result.complete);
  number("states", static_cast<double>(result.states));
  number("moves", static_cast<double>(result.moves));
  number("ends", static_cast<double>(result.ends));
  number("passes", static_cast<double>(result.passes));
  number("schedules", result.schedules);
  number("longest", static_cast<double>(result.longest));
  o.Set("failure", fromFailure(env, result.failed, result.failure));
  o.Set("choices", fromWords(env, result.choices));
  return o;
}

}  // namespace kerneltwin::binding
