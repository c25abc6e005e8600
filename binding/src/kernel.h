// The kernel library as a JavaScript object: devices, the join, worlds.
#pragma once

#include "call.h"

#include <napi.h>

#include <memory>

namespace kerneltwin::binding {

class Kernel : public Napi::ObjectWrap<Kernel> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit Kernel(const Napi::CallbackInfo& info);

 private:
  Napi::Value path(const Napi::CallbackInfo& info);
  Napi::Value version(const Napi::CallbackInfo& info);
  Napi::Value deviceInfo(const Napi::CallbackInfo& info);
  Napi::Value uniqueId(const Napi::CallbackInfo& info);
  Napi::Value symmetricBytes(const Napi::CallbackInfo& info);
  Napi::Value join(const Napi::CallbackInfo& info);
  Napi::Value barrier(const Napi::CallbackInfo& info);
  Napi::Value leave(const Napi::CallbackInfo& info);
  Napi::Value openWorld(const Napi::CallbackInfo& info);

  std::shared_ptr<Session> session_;
};

}  // namespace kerneltwin::binding
