// Constructors of the addon's classes, one set per environment, so that worker threads can load the addon too.
#pragma once

#include <napi.h>

namespace kerneltwin::binding {

struct Classes {
  Napi::FunctionReference kernel;
  Napi::FunctionReference world;
};

}  // namespace kerneltwin::binding
