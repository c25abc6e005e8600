// The addon's exports. Nothing here ends the process: C++ exceptions become JavaScript ones.
#include "classes.h"
#include "explore_world.h"
#include "kernel.h"
#include "layout.h"
#include "world.h"

namespace kerneltwin::binding {
namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  auto* classes = new Classes{};
  env.SetInstanceData(classes);
  const Napi::Function kernel = Kernel::define(env);
  const Napi::Function world = World::define(env);
  classes->kernel = Napi::Persistent(kernel);
  classes->world = Napi::Persistent(world);
  exports.Set("Kernel", kernel);
  exports.Set("World", world);
  exports.Set("layout", layoutFunctions(env));
  defineExplorer(env, exports);
  return exports;
}

}  // namespace
}  // namespace kerneltwin::binding

// The macro needs a plain name at global scope.
static Napi::Object initKerneltwin(Napi::Env env, Napi::Object exports) {
  return kerneltwin::binding::init(env, exports);
}

NODE_API_MODULE(kerneltwin, initKerneltwin)
