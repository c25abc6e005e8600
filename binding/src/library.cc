#include "library.h"

#include "coded_error.h"

#include <dlfcn.h>

namespace kerneltwin::binding {
namespace {

std::string loaderMessage() {
  const char* message = dlerror();
  return message != nullptr ? message : "the loader gave no reason";
}

template <typename Function>
Function symbol(void* handle, const char* name) {
  return reinterpret_cast<Function>(dlsym(handle, name));
}

}  // namespace

std::shared_ptr<const Library> openLibrary(const std::string& path) {
  // RTLD_NOW: a symbol missing from CUDA or NVSHMEM is an error here and not a dead process later.
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw LibraryError(kNoKernel, "cannot open the kernel library: " + loaderMessage());

  const auto version = symbol<decltype(&::kt_abi_version)>(handle, "kt_abi_version");
  if (version == nullptr) {
    dlclose(handle);
    throw LibraryError(kNoKernel, path + " is not a kerneltwin library: it has no kt_abi_version");
  }
  if (version() != KT_ABI_VERSION) {
    throw LibraryError(kApiVersion, path + ": expected interface version " + std::to_string(KT_ABI_VERSION) +
                                        ", got " + std::to_string(version()) + "; build kernel and addon together");
  }
  auto library = std::make_shared<Library>();
  library->path = path;
#define KT_LOAD(name)                                                                              \
  library->name = symbol<decltype(&::name)>(handle, #name);                                        \
  if (library->name == nullptr) throw LibraryError(kApiVersion, path + ": function " #name " is missing");
  KT_API_FUNCTIONS(KT_LOAD)
#undef KT_LOAD
  return library;
}

}  // namespace kerneltwin::binding
