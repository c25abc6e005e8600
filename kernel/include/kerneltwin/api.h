// C interface of libkerneltwin.so: one process is one rank. Opened at run time (dlopen), so that a program which links
// neither CUDA nor NVSHMEM can offer the kernel where a GPU exists and say so where it does not.
//
// Conventions
// - Every call returns a kt_status; kt_last_error() then holds one line saying what failed, where and with what values.
// - No call ends the process. A call is not thread-safe unless it says so; kt_abort may be called from any thread.
// - Structs start with struct_size (set it to sizeof the struct): a library built from another version refuses politely.
// - "Collective" calls must be made by every rank of the world, in the same order.
#ifndef KERNELTWIN_API_H
#define KERNELTWIN_API_H

#include <stddef.h>
#include <stdint.h>

#if defined(__cplusplus)
#define KT_NOEXCEPT noexcept
extern "C" {
#else
#define KT_NOEXCEPT
#endif

#if defined(KT_BUILDING_LIBRARY)
#define KT_API __attribute__((visibility("default")))
#else
#define KT_API
#endif

/// Raised whenever a struct, an enum value or the meaning of a call changes.
#define KT_ABI_VERSION 4u

typedef enum kt_status {
  KT_OK = 0,
  KT_BAD_ARGUMENT = 1,    /* a value is out of range; the message has the name, the value and what was expected */
  KT_BAD_STATE = 2,       /* wrong order of calls: not joined, world broken, weights not generated, ... */
  KT_NO_GPU = 3,          /* no driver, no device, or a device that is not compute capability 9.0 */
  KT_CUDA_ERROR = 4,
  KT_NVSHMEM_ERROR = 5,
  KT_OUT_OF_MEMORY = 6,   /* device memory or the symmetric heap (NVSHMEM_SYMMETRIC_SIZE) */
  KT_NOT_RESIDENT = 7,    /* the blocks asked for cannot all be resident on this process's share of the GPU */
  KT_ABORTED = 8,         /* the launch ended by abort code; see kt_launch_result and kt_dump */
  KT_UNSUPPORTED = 9      /* a legal request that this build or machine cannot serve (e.g. direct transport to a peer) */
} kt_status;

/* ---- the library and the machine (no GPU needed) -------------------------------------------------------------- */

/// KT_ABI_VERSION the library was built with. Compare before any other call.
KT_API uint32_t kt_abi_version(void) KT_NOEXCEPT;

/// Version of the project, CUDA runtime and NVSHMEM the library was built from, one line; static storage.
KT_API const char* kt_version(void) KT_NOEXCEPT;

/// Message of the calling thread's last failed call; "" when none. Valid until the thread's next call.
KT_API const char* kt_last_error(void) KT_NOEXCEPT;

/// Short name of a status, e.g. "NO_GPU"; static storage.
KT_API const char* kt_status_name(int32_t status) KT_NOEXCEPT;

typedef struct kt_device_info {
  uint32_t struct_size;
  uint32_t device;             /* index used in the query */
  uint32_t devices;            /* devices this process sees */
  uint32_t sms;                /* multiprocessors this process may use (an MPS share reports its share) */
  uint32_t capability;         /* major * 10 + minor */
  uint32_t clock_khz;          /* boost clock of the SMs */
  uint32_t driver_version;     /* CUDA version of the driver, e.g. 13000 */
  uint32_t runtime_version;    /* CUDA version of the runtime */
  uint32_t shared_per_block;   /* bytes a block may opt in to */
  uint32_t l2_bytes;
  uint64_t memory_bytes;       /* total device memory */
  uint64_t memory_free;        /* free at the call */
  uint32_t resident_blocks;    /* blocks of the fused kernel (KT_GEMM_MMA, direct) that fit at once in this process's share */
  uint32_t reserved;
  char name[128];
} kt_device_info;

/// Facts about device `device`. KT_NO_GPU without a driver or a device.
KT_API int32_t kt_device_query(uint32_t device, kt_device_info* out) KT_NOEXCEPT;

/* ---- joining the expert-parallel world ------------------------------------------------------------------------ */

#define KT_UNIQUE_ID_BYTES 128u

/// Makes the identifier that every rank of a world passes to kt_join. Touches no GPU. The process that makes it serves the
/// others' start: it must be one of the ranks, or live until all have joined.
KT_API int32_t kt_unique_id(uint8_t id[KT_UNIQUE_ID_BYTES]) KT_NOEXCEPT;

typedef struct kt_join_options {
  uint32_t struct_size;
  uint32_t device;             /* CUDA device index in this process */
  uint32_t rank;
  uint32_t ranks;
  uint64_t symmetric_bytes;    /* symmetric heap this process needs (kt_symmetric_bytes). Up to 1 GiB nothing has to be
                                  done; for more, start every rank's process with NVSHMEM_SYMMETRIC_SIZE of at least
                                  this, the same everywhere: NVSHMEM reads it in kt_unique_id already */
  uint8_t unique_id[KT_UNIQUE_ID_BYTES];
} kt_join_options;

/// Starts NVSHMEM in this process as one rank. Collective; blocks until all ranks have joined. Once per process. A rank alone
/// (ranks = 1, unique_id all zeros) runs without NVSHMEM, with the direct transport only.
KT_API int32_t kt_join(const kt_join_options* options) KT_NOEXCEPT;

/// Host-side barrier over the joined ranks. Collective.
KT_API int32_t kt_barrier(void) KT_NOEXCEPT;

/// Ends NVSHMEM. Collective; every world must be closed. The process cannot join again.
KT_API int32_t kt_leave(void) KT_NOEXCEPT;

/* ---- a world: one shape, its buffers, its epochs -------------------------------------------------------------- */

/// Mirrors kerneltwin::Shape (layout/shape.h), all fields but `gated`, which follows from the activation.
typedef struct kt_shape {
  uint32_t ranks;
  uint32_t experts;
  uint32_t slots;
  uint32_t tokens;
  uint32_t hidden;
  uint32_t intermediate;
  uint32_t top_k;
  uint32_t capacity;
  uint32_t tile_rows;
  uint32_t tile_cols;
} kt_shape;

typedef enum kt_transport { KT_TRANSPORT_DIRECT = 0, KT_TRANSPORT_PUT = 1 } kt_transport;
typedef enum kt_readiness { KT_READY_EAGER = 0, KT_READY_LAZY = 1 } kt_readiness;
typedef enum kt_policy {       /* of the scheduler, by the simulator's names */
  KT_POLICY_FIFO = 0,          /* "fifo": tasks in the order they are found */
  KT_POLICY_GEMM1_FIRST = 1,   /* "gemm1-first": GEMM1, then COMBINE, then GEMM0 */
  KT_POLICY_INTERLEAVE = 2     /* "interleave": GEMM1 before GEMM0, a COMBINE between two tiles of a processor */
} kt_policy;
typedef enum kt_activation {
  KT_ACTIVATION_IDENTITY = 0,
  KT_ACTIVATION_RELU = 1,
  KT_ACTIVATION_GELU = 2,      /* x * Phi(x), erf form */
  KT_ACTIVATION_SILU = 3,
  KT_ACTIVATION_SWIGLU = 4,    /* gated: silu(gate) * up; W1 and B1 then have two rows for each column, see kt_tensor */
  KT_ACTIVATION_GEGLU = 5      /* gated: gelu(gate) * up */
} kt_activation;
typedef enum kt_dtype {        /* of tokens, weights and results */
  KT_DTYPE_BF16 = 0,
  KT_DTYPE_FP16 = 1            /* direct transport only; with KT_GEMM_WGMMA in tiles of up to 288 x 128 */
} kt_dtype;
typedef enum kt_gate {
  KT_GATE_TOP_K = 0,           /* choices are the top-k of the router's probabilities, ties to the lower expert */
  KT_GATE_GIVEN = 1            /* choices are those uploaded as KT_TENSOR_CHOICES; probabilities still come from the router */
} kt_gate;

typedef enum kt_gemm {
  KT_GEMM_MMA = 0,             /* mma.sync fed by cp.async; tiles of up to 128 x 128; every transport */
  KT_GEMM_WGMMA = 1            /* wgmma fed by bulk tensor copies; tiles of up to 288 tokens x 128 columns, 64 x 256, or 288 x 256
                                  in bf16, whose processors are pairs of blocks; direct transport only */
} kt_gemm;

typedef struct kt_world_options {
  uint32_t struct_size;
  kt_shape shape;
  const uint32_t* placement;   /* ranks + 1 prefix sums: rank r holds experts [placement[r], placement[r + 1]) */
  uint32_t blocks;             /* blocks of a launch, OS block included; 0: as many as are resident; at least 2, or an even
                                  number from 4 where a pair of blocks is a processor (kt_world_info.processors) */
  uint32_t transport;          /* kt_transport */
  uint32_t readiness;          /* kt_readiness */
  uint32_t policy;             /* kt_policy */
  uint32_t activation;         /* kt_activation */
  uint32_t renormalise;        /* 1: a token's k probabilities are scaled to sum to one */
  uint32_t bias;               /* 1: B1 and B2 are added */
  uint32_t gate;               /* kt_gate */
  uint32_t gemm;               /* kt_gemm */
  uint32_t trace_records;      /* records a ring holds for one actor and launch; 0: tracing off */
  uint32_t dtype;              /* kt_dtype */
  uint64_t deadline_ns;        /* a launch that runs longer aborts itself; 0: 2 s */
} kt_world_options;

typedef struct kt_world kt_world;

/// Symmetric bytes that a world of these options needs on every rank; pass the sum over open worlds, plus slack, to
/// kt_join. Needs no GPU.
KT_API int32_t kt_symmetric_bytes(const kt_world_options* options, uint64_t* bytes) KT_NOEXCEPT;

/// Allocates and clears a world. Collective. `options` and `placement` are copied and must agree on every rank in
/// all fields but blocks, trace_records and deadline_ns.
KT_API int32_t kt_world_open(const kt_world_options* options, kt_world** out) KT_NOEXCEPT;

/// Frees a world. Collective.
KT_API int32_t kt_world_close(kt_world* world) KT_NOEXCEPT;

typedef struct kt_world_info {
  uint32_t struct_size;
  uint32_t rank;
  uint32_t local_experts;
  uint32_t blocks;             /* blocks of a launch; the last one is the OS block, or of the last pair the first */
  uint32_t processors;         /* blocks - 1, or blocks / 2 - 1 where the tile takes a pair of blocks a processor */
  uint32_t subscribers;        /* warps 1 and up of the OS block */
  uint32_t threads;            /* threads of a block */
  uint32_t sms;                /* multiprocessors this process may use */
  uint32_t blocks_per_sm;      /* from the occupancy query */
  uint32_t registers;          /* a thread of the fused kernel */
  uint32_t shared_bytes;       /* dynamic + static shared memory of a block */
  uint32_t local_bytes;        /* local memory a thread; zero in a good build */
  uint32_t rings;              /* trace rings: processors + 1 + subscribers; 0 when tracing is off */
  uint32_t epoch;              /* number of the next launch */
  uint64_t symmetric_bytes;
  uint64_t device_bytes;       /* other device memory */
} kt_world_info;

KT_API int32_t kt_world_query(const kt_world* world, kt_world_info* out) KT_NOEXCEPT;

/* ---- tensors -------------------------------------------------------------------------------------------------- */

/// elem is the world's kt_dtype: bf16, the upper half of an IEEE binary32, or fp16, an IEEE binary16. n = tokens of the rank (shape.tokens at most), L = local experts.
///
/// With a gated activation W1 has twice the rows, interleaved in eights, so that one thread holds both sums of a column: of
/// matrices gate and up, each [L][intermediate][hidden], it is
/// torch.stack((gate.unflatten(1, (-1, 8)), up.unflatten(1, (-1, 8))), 2). B1 likewise.
typedef enum kt_tensor {
  KT_TENSOR_X = 0,        /* elem [tokens][hidden]                      tokens of this rank */
  KT_TENSOR_WG = 1,       /* elem [experts][hidden]                     router; the same on every rank */
  KT_TENSOR_W1 = 2,       /* elem [L][intermediate][hidden]; gated: [L][intermediate / 8][2][8][hidden], gate then up */
  KT_TENSOR_B1 = 3,       /* f32  [L][intermediate]; gated: [L][intermediate / 8][2][8] */
  KT_TENSOR_W2 = 4,       /* elem [L][hidden][intermediate]             */
  KT_TENSOR_B2 = 5,       /* f32  [L][hidden]                           */
  KT_TENSOR_OUT = 6,      /* elem [tokens][hidden]                      */
  KT_TENSOR_CHOICES = 7,  /* u32  [tokens][top_k]  global expert of each choice; input with KT_GATE_GIVEN */
  KT_TENSOR_ROWS = 8,     /* u32  [tokens][top_k]  row in the cell, 0xffffffff when dropped; output only */
  KT_TENSOR_SCALES = 9    /* f32  [tokens][top_k]  weight of each choice in the sum; output only */
} kt_tensor;

KT_API int32_t kt_tensor_bytes(const kt_world* world, uint32_t tensor, uint64_t* bytes) KT_NOEXCEPT;
KT_API int32_t kt_upload(kt_world* world, uint32_t tensor, uint64_t offset, const void* from, uint64_t bytes) KT_NOEXCEPT;
KT_API int32_t kt_download(const kt_world* world, uint32_t tensor, uint64_t offset, void* to, uint64_t bytes) KT_NOEXCEPT;

/// Fills an input tensor on the device. Element i of a tensor of an owner is a pure function of (seed, tensor, owner, i):
/// the owner of W1, B1, W2 and B2 is the *global* expert, that of X the rank, that of WG none. So any rank can make any
/// expert's weights again. Values are uniform in [-amplitude, amplitude], rounded to the tensor's type.
/// An amplitude of 0 takes the default that keeps activations near one: X 1, WG 2/sqrt(hidden), W1 sqrt(3/hidden),
/// W2 sqrt(3/intermediate), B1 and B2 0.5.
KT_API int32_t kt_fill(kt_world* world, uint32_t tensor, uint64_t seed, double amplitude) KT_NOEXCEPT;

/* ---- launches ------------------------------------------------------------------------------------------------- */

typedef enum kt_launch_flags {
  KT_LAUNCH_ALIGNED = 1,        /* barrier over all ranks on the stream first, so that launches start together. Collective */
  KT_LAUNCH_POISON_OUTPUT = 2,  /* fill OUT with a NaN pattern that the kernel never writes; kt_check counts what is left */
  KT_LAUNCH_POISON_BUFFERS = 4, /* also the heap and the intermediate, so that stale or padded rows show. Collective:
                                   implies KT_LAUNCH_ALIGNED */
  KT_LAUNCH_HELD = 8            /* hold the stream until the host has queued the launch and both events: `ms` is then the
                                   GPU's time alone. Without it the clock also sees the host on its way to the launch */
} kt_launch_flags;

typedef struct kt_launch_options {
  uint32_t struct_size;
  uint32_t tokens;              /* tokens of this rank in this launch, 0 to shape.tokens; ranks may differ */
  uint32_t flags;               /* kt_launch_flags */
  uint32_t capacity;            /* rows this rank may keep for one expert, 1 to shape.capacity; 0: shape.capacity */
} kt_launch_options;

typedef struct kt_launch_result {
  uint32_t struct_size;
  uint32_t epoch;               /* number of this launch */
  uint32_t abort_code;          /* kerneltwin::AbortCode; 0: clean */
  uint32_t abort_actor;         /* actor that raised it */
  uint32_t abort_site;          /* which spin or check, see kt_dump */
  uint32_t kernels;             /* GPU operations of the layer: 1 */
  float ms;                     /* kernel time by CUDA events */
  uint32_t reserved;
} kt_launch_result;

/// One forward pass of this rank. Collective in effect: it ends only when every rank launches the same epoch. Returns
/// KT_ABORTED (with the result filled) when the launch ended itself; the world is then broken and can only be
/// dumped, downloaded from and closed.
KT_API int32_t kt_launch(kt_world* world, const kt_launch_options* options, kt_launch_result* result) KT_NOEXCEPT;

/// Asks a running launch to end (abort code HostRequest). May be called from any thread.
KT_API int32_t kt_abort(kt_world* world) KT_NOEXCEPT;

/// State of the protocol as text (queues, doorbells, statuses, bounds, flags that differ from the epoch): for reading after
/// an abort. Writes at most `capacity` bytes with a final NUL; `needed` gets the whole size.
KT_API int32_t kt_dump(const kt_world* world, char* text, uint64_t capacity, uint64_t* needed) KT_NOEXCEPT;

/* ---- traces --------------------------------------------------------------------------------------------------- */

/// Ring `ring` (0 .. kt_world_info.rings - 1) of the last launch: a kerneltwin::TraceRingHeader (48 bytes) and as
/// many of its kerneltwin::TraceRecord (16 bytes each) as were stored and fit `capacity`. `header->written` counts
/// also what the ring could not store.
KT_API int32_t kt_trace_read(const kt_world* world, uint32_t ring, void* header, void* records, uint32_t capacity,
                             uint32_t* stored) KT_NOEXCEPT;

/* ---- reference ------------------------------------------------------------------------------------------------ */

typedef struct kt_check_options {
  uint32_t struct_size;
  uint32_t stride;              /* check every stride-th token's output; 0 or 1: all. Routing is always checked in full */
} kt_check_options;

typedef struct kt_check_result {
  uint32_t struct_size;
  uint32_t tokens_checked;
  double relative_error;        /* Frobenius norm of (out - reference) over that of the reference */
  double max_error;             /* largest absolute difference */
  double reference_norm;
  uint64_t unwritten;           /* elements of OUT that still hold the poison */
  uint64_t not_finite;          /* elements that are NaN or infinite, the unwritten ones included */
  uint64_t routing_mismatches;  /* choices that the fp64 router refutes beyond fp32 rounding */
  uint64_t routing_near_ties;   /* choices that differ from fp64 within rounding: legal */
  uint64_t placement_mismatches;/* rows that differ from token order with capacity */
  uint64_t scale_mismatches;    /* scales off by more than 1e-4 */
  uint64_t dropped;             /* choices dropped by capacity */
  uint32_t worst_token;         /* where max_error is */
  uint32_t worst_column;
} kt_check_result;

/// Computes this rank's outputs of the last launch from scratch in fp64 with plain kernels (router included; every expert's
/// weights made again from the seeds of kt_fill) and compares. KT_BAD_STATE if W1, W2 (B1, B2) came by kt_upload.
KT_API int32_t kt_check(kt_world* world, const kt_check_options* options, kt_check_result* result) KT_NOEXCEPT;

#if defined(__cplusplus)
}
#endif

#endif
