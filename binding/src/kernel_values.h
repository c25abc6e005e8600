// The structs of kerneltwin/api.h from and to JavaScript objects. Field names are the struct's in camel case.
#pragma once

#include "kerneltwin/api.h"

#include <napi.h>

#include <string>
#include <vector>

namespace kerneltwin::binding {

/// World options with the placement they point to.
struct WorldOptions {
  kt_world_options options;
  std::vector<uint32_t> placement;

  /// The struct with its pointer set: copies of this object would otherwise point into the original.
  kt_world_options* linked() {
    options.placement = placement.data();
    return &options;
  }
};

WorldOptions toWorldOptions(const Napi::Value& value);
kt_join_options toJoinOptions(const Napi::Value& value);
kt_launch_options toLaunchOptions(const Napi::Value& value);
kt_check_options toCheckOptions(const Napi::Value& value);
/// A tensor by its name in lower case ("x", "w1", "choices").
uint32_t toTensor(const Napi::Value& value, const std::string& what);

Napi::Object fromDeviceInfo(Napi::Env env, const kt_device_info& info);
Napi::Object fromWorldInfo(Napi::Env env, const kt_world_info& info);
Napi::Object fromLaunchResult(Napi::Env env, const kt_launch_result& result);
Napi::Object fromCheckResult(Napi::Env env, const kt_check_result& result);

}  // namespace kerneltwin::binding
