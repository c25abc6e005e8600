// A Shape from its JavaScript mirror.
#pragma once

#include "convert.h"
#include "kerneltwin/layout/shape.h"

namespace kerneltwin::binding {

/// A shape's `gated`, 0 where it is absent.
inline uint32_t toGated(const Napi::Object& shape, const std::string& what) {
  const Napi::Value gated = shape.Get("gated");
  return gated.IsUndefined() ? 0 : toBool(gated, what + ".gated");
}

/// Reads all fields of a shape. Sizes that would make an index function divide by zero are refused here, because a
/// division by zero would end the process; other illegal sizes pass, so that limits can be tested.
inline Shape toShape(const Napi::Value& value, const std::string& what) {
  const Napi::Object object = toObject(value, what);
  const auto field = [&](const char* name, uint32_t least) {
    const Napi::Value entry = object.Get(name);
    const uint32_t number = toUint32(entry, what + "." + name);
    if (number < least) {
      throw Napi::RangeError::New(entry.Env(), what + "." + name + ": expected at least " + std::to_string(least) +
                                                   ", got " + std::to_string(number));
    }
    return number;
  };
  Shape shape{};
  shape.ranks = field("ranks", 1);
  shape.experts = field("experts", 0);
  shape.slots = field("slots", 0);
  shape.tokens = field("tokens", 0);
  shape.hidden = field("hidden", 1);
  shape.intermediate = field("intermediate", 1);
  shape.topK = field("topK", 0);
  shape.tileRows = field("tileRows", 1);
  shape.tileCols = field("tileCols", 1);
  shape.capacity = field("capacity", shape.tileRows);
  shape.gated = toGated(object, what);
  if (gemm0Cols(shape) == 0 || gemm1Cols(shape) == 0) {
    throw Napi::RangeError::New(value.Env(), what + ": hidden or intermediate plus tileCols passes 2^32");
  }
  return shape;
}

}  // namespace kerneltwin::binding
