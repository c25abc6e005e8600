// Command lines of the benchmark programs: numbers within limits, and shapes. What is wrong with one ends the program with 2.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace kerneltwin::bench {

/// A model as a command line names it: S/H/I/E/k.
struct ModelShape {
  uint32_t tokens, hidden, intermediate, experts, topK;
};

/// The most that a program takes in a shape.
struct ShapeLimits {
  uint32_t experts = UINT32_MAX;
  uint32_t topK = UINT32_MAX;
};

/// Reads words of the command line of the program whose source is `source`.
struct Arguments {
  const char* source;

  [[noreturn]] void refuse(const std::string& problem) const {
    std::fprintf(stderr, "%s\nsee the head of %s for the options\n", problem.c_str(), source);
    std::exit(2);
  }

  /// A decimal number from `least` to `most`.
  uint32_t number(const std::string& name, const std::string& text, uint32_t least, uint32_t most) const {
    char* end = nullptr;
    const unsigned long value = std::strtoul(text.c_str(), &end, 10);
    if (end == text.c_str() || *end != 0 || value < least || value > most) {
      refuse(name + ": expected " + std::to_string(least) + " to " + std::to_string(most) + ", got " + text);
    }
    return static_cast<uint32_t>(value);
  }

  ModelShape shape(const std::string& text, ShapeLimits most = {}) const {
    ModelShape m;
    if (std::sscanf(text.c_str(), "%u/%u/%u/%u/%u", &m.tokens, &m.hidden, &m.intermediate, &m.experts, &m.topK) == 5 &&
        m.tokens > 0 && m.hidden > 0 && m.intermediate > 0 && m.hidden % 64 == 0 && m.intermediate % 64 == 0 &&
        m.experts > 0 && m.experts <= most.experts && m.topK > 0 && m.topK <= m.experts && m.topK <= most.topK) {
      return m;
    }
    std::string limits;
    if (most.experts != UINT32_MAX) limits += ", E at most " + std::to_string(most.experts);
    if (most.topK != UINT32_MAX) limits += ", k at most " + std::to_string(most.topK);
    refuse("--shape: expected S/H/I/E/k with H and I multiples of 64 and k at most E" + limits + ", got " + text);
  }
};

}  // namespace kerneltwin::bench
