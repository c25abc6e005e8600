#include "call.h"

#include "coded_error.h"

#include <exception>
#include <utility>

namespace kerneltwin::binding {
namespace {

/// Lives from post() to settle(); made and destroyed on JavaScript's thread.
struct Pending {
  Pending(Napi::Env env, std::shared_ptr<Session> s, Call c)
      : session(std::move(s)), call(std::move(c)), promise(Napi::Promise::Deferred::New(env)) {
    Napi::Array kept = Napi::Array::New(env);
    for (std::size_t i = 0; i < call.keep.size(); ++i) kept.Set(static_cast<uint32_t>(i), call.keep[i]);
    keep = Napi::Persistent(kept.As<Napi::Object>());
    call.keep.clear();
  }

  std::shared_ptr<Session> session;
  Call call;
  Napi::Promise::Deferred promise;
  Napi::ObjectReference keep;
  int32_t status = KT_OK;
  std::string message;
};

void settle(Napi::Env env, Pending& pending) {
  if (pending.status == KT_OK) {
    pending.promise.Resolve(pending.call.value ? pending.call.value(env) : env.Undefined());
    return;
  }
  Napi::Error error = callError(env, *pending.session->library, pending.call.name, pending.status, pending.message);
  if (pending.call.detail) pending.call.detail(error.Value());
  pending.promise.Reject(error.Value());
}

/// Runs as a thread-safe function's callback, where nothing catches: an exception would end the process.
void settleOrReject(Napi::Env env, Napi::Function, Pending* raw) {
  const std::unique_ptr<Pending> pending(raw);
  try {
    settle(env, *pending);
  } catch (const Napi::Error& error) {
    pending->promise.Reject(error.Value());
  } catch (const std::exception& error) {
    pending->promise.Reject(Napi::Error::New(env, error.what()).Value());
  }
}

void execute(Pending& pending) {
  const Library& library = *pending.session->library;
  try {
    pending.status = pending.call.work(library);
    if (pending.status != KT_OK) pending.message = library.kt_last_error();
  } catch (const std::exception& error) {
    pending.status = KT_BAD_STATE;
    pending.message = error.what();
  }
}

}  // namespace

Napi::Error callError(Napi::Env env, const Library& library, const char* name, int32_t status,
                      const std::string& message) {
  const char* statusName = library.kt_status_name(status);
  Napi::Error error = codedError(env, status == KT_NO_GPU ? kNoGpu : kKernelError,
                                 std::string(name) + " (" + statusName + "): " +
                                     (message.empty() ? "the library gave no reason" : message));
  error.Value().Set("status", Napi::String::New(env, statusName));
  error.Value().Set("call", Napi::String::New(env, name));
  return error;
}

Napi::Promise post(Napi::Env env, const std::shared_ptr<Session>& session, Call call) {
  auto* pending = new Pending(env, session, std::move(call));
  const Napi::Promise promise = pending->promise.Promise();
  const Napi::Function unused = Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
  const auto done = Napi::ThreadSafeFunction::New(env, unused, "kerneltwin", 0, 1);
  session->thread.post([pending, done] {
    execute(*pending);
    // When the environment is closing the callback never runs and `pending` leaks with it: its handles may not be
    // touched from this thread.
    done.NonBlockingCall(pending, settleOrReject);
    done.Release();
  });
  return promise;
}

}  // namespace kerneltwin::binding
