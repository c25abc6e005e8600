// JavaScript values of the layout headers' types: `From<T>` reads an argument, `to` makes a result. 64-bit integers
// are BigInt, 32-bit ones numbers.
#pragma once

#include "kerneltwin/layout/heap.h"
#include "kerneltwin/layout/packet.h"
#include "kerneltwin/layout/placement.h"
#include "kerneltwin/layout/task.h"
#include "kerneltwin/trace/record.h"
#include "shape_value.h"

#include <initializer_list>
#include <utility>

namespace kerneltwin::binding {

template <typename T>
struct From;

template <>
struct From<uint32_t> {
  static uint32_t value(const Napi::Value& v, const std::string& what) { return toUint32(v, what); }
};
template <>
struct From<uint64_t> {
  static uint64_t value(const Napi::Value& v, const std::string& what) { return toUint64(v, what); }
};
template <>
struct From<Shape> {
  static Shape value(const Napi::Value& v, const std::string& what) { return toShape(v, what); }
};
template <>
struct From<Round> {
  static Round value(const Napi::Value& v, const std::string& what) {
    return static_cast<Round>(toUint32(v, what, kRounds - 1));
  }
};
template <>
struct From<Stage> {
  static Stage value(const Napi::Value& v, const std::string& what) {
    return static_cast<Stage>(toUint32(v, what, kStages - 1));
  }
};
template <>
struct From<EventKind> {
  static EventKind value(const Napi::Value& v, const std::string& what) {
    return static_cast<EventKind>(toUint32(v, what, (1u << kKindBits) - 1));
  }
};
template <>
struct From<Signal> {
  static Signal value(const Napi::Value& v, const std::string& what) {
    const Napi::Object o = toObject(v, what);
    return {toUint32(o.Get("state"), what + ".state"), toUint32(o.Get("rows"), what + ".rows"),
            toUint32(o.Get("rowTiles"), what + ".rowTiles")};
  }
};
template <>
struct From<QueueEntry> {
  static QueueEntry value(const Napi::Value& v, const std::string& what) {
    const Napi::Object o = toObject(v, what);
    return {toUint32(o.Get("tag"), what + ".tag"), toUint32(o.Get("first"), what + ".first"),
            toUint32(o.Get("count"), what + ".count")};
  }
};
template <>
struct From<Doorbell> {
  static Doorbell value(const Napi::Value& v, const std::string& what) {
    const Napi::Object o = toObject(v, what);
    return {toUint32(o.Get("task"), what + ".task"), toUint32(o.Get("sequence"), what + ".sequence"),
            toBool(o.Get("exit"), what + ".exit")};
  }
};

inline Napi::Value to(Napi::Env env, uint32_t v) { return Napi::Number::New(env, v); }
inline Napi::Value to(Napi::Env env, uint64_t v) { return Napi::BigInt::New(env, v); }
inline Napi::Value to(Napi::Env env, bool v) { return Napi::Boolean::New(env, v); }
inline Napi::Value to(Napi::Env env, Freshness v) { return to(env, static_cast<uint32_t>(v)); }
inline Napi::Value to(Napi::Env env, Op v) { return to(env, static_cast<uint32_t>(v)); }

inline Napi::Value record(Napi::Env env, std::initializer_list<std::pair<const char*, Napi::Value>> fields) {
  Napi::Object object = Napi::Object::New(env);
  for (const auto& [name, value] : fields) object.Set(name, value);
  return object;
}

inline Napi::Value to(Napi::Env env, RowSpan v) {
  return record(env, {{"begin", to(env, v.begin)}, {"count", to(env, v.count)}});
}
inline Napi::Value to(Napi::Env env, ExpertHome v) {
  return record(env, {{"rank", to(env, v.rank)}, {"slot", to(env, v.slot)}});
}
inline Napi::Value to(Napi::Env env, Task v) {
  return record(env, {{"op", to(env, v.op)}, {"peer", to(env, v.peer)}, {"expert", to(env, v.expert)},
                      {"block", to(env, v.block)}, {"col", to(env, v.col)}});
}
inline Napi::Value to(Napi::Env env, Signal v) {
  return record(env, {{"state", to(env, v.state)}, {"rows", to(env, v.rows)}, {"rowTiles", to(env, v.rowTiles)}});
}
inline Napi::Value to(Napi::Env env, QueueEntry v) {
  return record(env, {{"tag", to(env, v.tag)}, {"first", to(env, v.first)}, {"count", to(env, v.count)}});
}
inline Napi::Value to(Napi::Env env, Doorbell v) {
  return record(env, {{"task", to(env, v.task)}, {"sequence", to(env, v.sequence)}, {"exit", to(env, v.exit)}});
}
inline Napi::Value to(Napi::Env env, TraceRecord v) {
  return record(env, {{"head", to(env, v.head)}, {"body", to(env, v.body)}});
}

}  // namespace kerneltwin::binding
