// A call into the kernel library as a JavaScript promise.
#pragma once

#include "kernel_thread.h"
#include "library.h"

#include <napi.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kerneltwin::binding {

/// What a World and its Kernel share.
struct Session {
  std::shared_ptr<const Library> library;
  KernelThread thread;
};

/// One call. `work` runs on the kernel thread and returns a kt_status; `value` runs on JavaScript's thread after it.
struct Call {
  const char* name;
  std::function<int32_t(const Library&)> work;
  /// The promise's value; absent: undefined.
  std::function<Napi::Value(Napi::Env)> value = {};
  /// Adds what is known to the error of a failed call.
  std::function<void(Napi::Object error)> detail = {};
  /// Values that must outlive the call: buffers the library reads or writes.
  std::vector<Napi::Value> keep = {};
};

/// The error of a failed call; `message` is kt_last_error of the thread that made it.
Napi::Error callError(Napi::Env env, const Library& library, const char* name, int32_t status,
                      const std::string& message);

/// Posts the call; the promise settles when it returned. Node's event loop stays alive until then.
Napi::Promise post(Napi::Env env, const std::shared_ptr<Session>& session, Call call);

}  // namespace kerneltwin::binding
