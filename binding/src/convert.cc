#include "convert.h"

#include <cmath>

namespace kerneltwin::binding {
namespace {

std::string expectation(const Napi::Value& value, const std::string& what, const std::string& expected) {
  std::string text = what;
  text += ": expected ";
  text += expected;
  text += ", got ";
  text += shown(value);
  return text;
}

[[noreturn]] void throwType(const Napi::Value& value, const std::string& what, const std::string& expected) {
  throw Napi::TypeError::New(value.Env(), expectation(value, what, expected));
}

/// A number that is an integer from 0 to `max`.
double toInteger(const Napi::Value& value, const std::string& what, double max) {
  const std::string expected = "an integer from 0 to " + std::to_string(static_cast<uint64_t>(max));
  if (!value.IsNumber()) throwType(value, what, expected);
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 0 && number <= max) || std::floor(number) != number) throwRange(value, what, expected);
  return number;
}

template <typename Array>
Array toTypedArray(const Napi::Value& value, const std::string& what, napi_typedarray_type type, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) throwType(value, what, name);
  return value.As<Array>();
}

}  // namespace

std::string shown(const Napi::Value& value) {
  if (value.IsSymbol()) return "a symbol";
  if (value.IsArray()) return "an array";
  if (value.IsObject()) return "an object";
  const std::string quote = value.IsString() ? "\"" : "";
  std::string text = quote;
  text += value.ToString().Utf8Value();
  text += quote;
  if (value.IsBigInt()) text += 'n';
  return text;
}

void throwRange(const Napi::Value& value, const std::string& what, const std::string& expected) {
  throw Napi::RangeError::New(value.Env(), expectation(value, what, expected));
}

uint32_t toUint32(const Napi::Value& value, const std::string& what, uint32_t max) {
  return static_cast<uint32_t>(toInteger(value, what, max));
}

uint64_t toSize(const Napi::Value& value, const std::string& what) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  return static_cast<uint64_t>(toInteger(value, what, kExact));
}

uint64_t toUint64(const Napi::Value& value, const std::string& what) {
  const std::string expected = "a BigInt from 0 to 2^64 - 1";
  if (!value.IsBigInt()) throwType(value, what, expected);
  bool lossless = false;
  const uint64_t word = value.As<Napi::BigInt>().Uint64Value(&lossless);
  if (!lossless) throwRange(value, what, expected);
  return word;
}

double toDouble(const Napi::Value& value, const std::string& what) {
  if (!value.IsNumber()) throwType(value, what, "a number");
  return value.As<Napi::Number>().DoubleValue();
}

bool toBool(const Napi::Value& value, const std::string& what) {
  if (!value.IsBoolean()) throwType(value, what, "true or false");
  return value.As<Napi::Boolean>().Value();
}

std::string toText(const Napi::Value& value, const std::string& what) {
  if (!value.IsString()) throwType(value, what, "a string");
  return value.As<Napi::String>().Utf8Value();
}

Napi::Object toObject(const Napi::Value& value, const std::string& what) {
  if (!value.IsObject()) throwType(value, what, "an object");
  return value.As<Napi::Object>();
}

Napi::Uint32Array toUint32Array(const Napi::Value& value, const std::string& what) {
  return toTypedArray<Napi::Uint32Array>(value, what, napi_uint32_array, "a Uint32Array");
}

Napi::Uint8Array toBytes(const Napi::Value& value, const std::string& what) {
  return toTypedArray<Napi::Uint8Array>(value, what, napi_uint8_array, "a Uint8Array");
}

}  // namespace kerneltwin::binding
