// One open world of the kernel library: tensors, launches, traces, the reference check.
#pragma once

#include "call.h"

#include <napi.h>

#include <memory>

namespace kerneltwin::binding {

class World : public Napi::ObjectWrap<World> {
 public:
  static Napi::Function define(Napi::Env env);
  static Napi::Value make(Napi::Env env, const std::shared_ptr<Session>& session, kt_world* world);
  explicit World(const Napi::CallbackInfo& info);

 private:
  Napi::Value info(const Napi::CallbackInfo& info);
  Napi::Value tensorBytes(const Napi::CallbackInfo& info);
  Napi::Value upload(const Napi::CallbackInfo& info);
  Napi::Value download(const Napi::CallbackInfo& info);
  Napi::Value fill(const Napi::CallbackInfo& info);
  Napi::Value launch(const Napi::CallbackInfo& info);
  Napi::Value abort(const Napi::CallbackInfo& info);
  Napi::Value dump(const Napi::CallbackInfo& info);
  Napi::Value readRings(const Napi::CallbackInfo& info);
  Napi::Value check(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  /// The open world; throws CLOSED after close(). Closing is collective, so collection of this object never closes.
  kt_world* open(Napi::Env env) const;

  std::shared_ptr<Session> session_;
  kt_world* world_ = nullptr;
};

}  // namespace kerneltwin::binding
