// Explored worlds as a JavaScript class; see binding/explore.ts for its interface.
#pragma once

#include <napi.h>

#include <memory>

#include "explorer/session.h"

namespace kerneltwin::binding {

class ExploredWorld : public Napi::ObjectWrap<ExploredWorld> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit ExploredWorld(const Napi::CallbackInfo& info);

 private:
  Napi::Value run(const Napi::CallbackInfo& info);
  Napi::Value batch(const Napi::CallbackInfo& info);
  Napi::Value search(const Napi::CallbackInfo& info);
  Napi::Value locations(const Napi::CallbackInfo& info);

  std::unique_ptr<explorer::Session> session_;
};

/// Adds what the explorer exports to the addon's exports.
void defineExplorer(Napi::Env env, Napi::Object exports);

}  // namespace kerneltwin::binding
