// An addon with the explorer alone: what tests build from changed protocol headers.
#include "explore_world.h"

static Napi::Object initExplorer(Napi::Env env, Napi::Object exports) {
  kerneltwin::binding::defineExplorer(env, exports);
  return exports;
}

NODE_API_MODULE(kerneltwin_explorer, initExplorer)
