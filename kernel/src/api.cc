// The C interface: argument checks that need no world, and the border where exceptions become statuses.
#include "kerneltwin/api.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>

#include "failure.h"
#include "kernel_facts.h"
#include "kerneltwin/trace/tracing.h"
#include "reference.h"
#include "session.h"
#include "version.h"
#include "world.h"

/// The opaque handle.
struct kt_world {
  kerneltwin::World world;
};

namespace {

using namespace kerneltwin;

thread_local std::string lastError;

/// Runs `body`; no exception leaves the library.
template <class Body>
int32_t guarded(Body body) noexcept {
  try {
    lastError.clear();
    body();
    return KT_OK;
  } catch (const Failure& failure) {
    lastError = failure.what();
    return failure.status();
  } catch (const std::bad_alloc&) {
    lastError = "out of host memory";
    return KT_OUT_OF_MEMORY;
  } catch (const std::exception& error) {
    lastError = error.what();
    return KT_BAD_STATE;
  } catch (...) {
    lastError = "unknown exception";
    return KT_BAD_STATE;
  }
}

template <class T>
const T& given(const T* pointer, const char* name) {
  if (pointer == nullptr) refuse(name, "a pointer", "null");
  return *pointer;
}

template <class T>
T& given(T* pointer, const char* name) {
  if (pointer == nullptr) refuse(name, "a pointer", "null");
  return *pointer;
}

template <class T>
T& sized(T* pointer, const char* name) {
  T& value = given(pointer, name);
  require(value.struct_size == sizeof(T), std::string(name) + ".struct_size", std::to_string(sizeof(T)), value.struct_size);
  return value;
}

/// The world behind a handle, on the session's device: a caller's thread may have another one current.
World& worldOf(const kt_world* handle) {
  given(handle, "world");
  KT_CUDA(cudaSetDevice(Session::current().device()));
  return const_cast<kt_world*>(handle)->world;
}

}  // namespace

extern "C" {

uint32_t kt_abi_version(void) noexcept { return KT_ABI_VERSION; }

const char* kt_version(void) noexcept {
  return kTracing ? KERNELTWIN_VERSION_LINE : KERNELTWIN_VERSION_LINE ", without trace code";
}

const char* kt_last_error(void) noexcept { return lastError.c_str(); }

const char* kt_status_name(int32_t status) noexcept {
  switch (status) {
    case KT_OK: return "OK";
    case KT_BAD_ARGUMENT: return "BAD_ARGUMENT";
    case KT_BAD_STATE: return "BAD_STATE";
    case KT_NO_GPU: return "NO_GPU";
    case KT_CUDA_ERROR: return "CUDA_ERROR";
    case KT_NVSHMEM_ERROR: return "NVSHMEM_ERROR";
    case KT_OUT_OF_MEMORY: return "OUT_OF_MEMORY";
    case KT_NOT_RESIDENT: return "NOT_RESIDENT";
    case KT_ABORTED: return "ABORTED";
    case KT_UNSUPPORTED: return "UNSUPPORTED";
    default: return "UNKNOWN";
  }
}

int32_t kt_device_query(uint32_t device, kt_device_info* out) noexcept {
  return guarded([&] { queryDevice(device, sized(out, "kt_device_info")); });
}

int32_t kt_unique_id(uint8_t id[KT_UNIQUE_ID_BYTES]) noexcept {
  return guarded([&] { Session::makeUniqueId(&given(id, "id")); });
}

int32_t kt_join(const kt_join_options* options) noexcept {
  return guarded([&] { Session::join(sized(options, "kt_join_options")); });
}

int32_t kt_barrier(void) noexcept {
  return guarded([] { Session::current().barrier(); });
}

int32_t kt_leave(void) noexcept {
  return guarded([] { Session::leave(); });
}

int32_t kt_symmetric_bytes(const kt_world_options* options, uint64_t* bytes) noexcept {
  return guarded([&] {
    const WorldOptions checked = checkOptions(given(options, "options"));
    given(bytes, "bytes") = heapBytes(checked.shape) + flagBytes(checked.shape) + (checked.shape.ranks + 1) * 8 + 4096;
  });
}

int32_t kt_world_open(const kt_world_options* options, kt_world** out) noexcept {
  return guarded([&] {
    given(out, "out") = nullptr;
    WorldOptions checked = checkOptions(given(options, "options"));
    if (!kTracing && checked.traceRecords != 0) {
      throw Failure(KT_UNSUPPORTED, "trace_records: this library was built without trace code");
    }
    Session& session = Session::current();
    KT_CUDA(cudaSetDevice(session.device()));
    *out = new kt_world{World(session, std::move(checked))};
  });
}

int32_t kt_world_close(kt_world* world) noexcept {
  return guarded([&] {
    worldOf(world);
    delete world;
  });
}

int32_t kt_world_query(const kt_world* world, kt_world_info* out) noexcept {
  return guarded([&] { worldOf(world).query(sized(out, "kt_world_info")); });
}

int32_t kt_tensor_bytes(const kt_world* world, uint32_t tensor, uint64_t* bytes) noexcept {
  return guarded([&] { given(bytes, "bytes") = worldOf(world).tensor(tensor).bytes; });
}

int32_t kt_upload(kt_world* world, uint32_t tensor, uint64_t offset, const void* from, uint64_t bytes) noexcept {
  return guarded([&] {
    if (from == nullptr) refuse("from", "a pointer", "null");
    worldOf(world).upload(tensor, offset, from, bytes);
  });
}

int32_t kt_download(const kt_world* world, uint32_t tensor, uint64_t offset, void* to, uint64_t bytes) noexcept {
  return guarded([&] {
    if (to == nullptr) refuse("to", "a pointer", "null");
    worldOf(world).download(tensor, offset, to, bytes);
  });
}

int32_t kt_fill(kt_world* world, uint32_t tensor, uint64_t seed, double amplitude) noexcept {
  return guarded([&] { worldOf(world).fill(tensor, seed, amplitude); });
}

int32_t kt_launch(kt_world* world, const kt_launch_options* options, kt_launch_result* result) noexcept {
  return guarded([&] {
    kt_launch_result& to = sized(result, "kt_launch_result");
    worldOf(world).launch(sized(options, "kt_launch_options"), to);
  });
}

int32_t kt_abort(kt_world* world) noexcept {
  return guarded([&] { worldOf(world).abort(); });
}

int32_t kt_dump(const kt_world* world, char* text, uint64_t capacity, uint64_t* needed) noexcept {
  return guarded([&] {
    const std::string dump = worldOf(world).dump();
    given(needed, "needed") = dump.size() + 1;
    if (text == nullptr || capacity == 0) return;
    const uint64_t copied = std::min<uint64_t>(capacity - 1, dump.size());
    std::memcpy(text, dump.data(), copied);
    text[copied] = '\0';
  });
}

int32_t kt_trace_read(const kt_world* world, uint32_t ring, void* header, void* records, uint32_t capacity,
                      uint32_t* stored) noexcept {
  return guarded([&] {
    if (header == nullptr) refuse("header", "a pointer", "null");
    if (records == nullptr && capacity > 0) refuse("records", "a pointer", "null");
    given(stored, "stored") = worldOf(world).readTrace(ring, header, records, capacity);
  });
}

int32_t kt_check(kt_world* world, const kt_check_options* options, kt_check_result* result) noexcept {
  return guarded([&] {
    const uint32_t stride = sized(options, "kt_check_options").stride;
    checkAgainstReference(worldOf(world), stride, sized(result, "kt_check_result"));
  });
}

}  // extern "C"
