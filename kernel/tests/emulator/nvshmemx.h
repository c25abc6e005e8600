// See nvshmem.h.
#pragma once
#include "nvshmem.h"
