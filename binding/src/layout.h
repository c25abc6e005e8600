// The compiled index, packet and placement functions of kernel/include/kerneltwin/layout as JavaScript functions.
#pragma once

#include <napi.h>

namespace kerneltwin::binding {

/// Object with one function per layout function, by the header's name and argument order.
Napi::Object layoutFunctions(Napi::Env env);

}  // namespace kerneltwin::binding
