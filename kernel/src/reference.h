// The layer in fp64, from scratch, with plain kernels: what the fused kernel's outputs are judged by.
#pragma once

#include "kerneltwin/api.h"
#include "world.h"

namespace kerneltwin {

/// Judges the last launch of `world` on this rank. Throws KT_BAD_STATE when there was none or when weights were uploaded, so
/// that other ranks' experts cannot be made again.
void checkAgainstReference(World& world, uint32_t stride, kt_check_result& result);

}  // namespace kerneltwin
