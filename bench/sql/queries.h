// The queries of a benchmark, vectors or multi-vector documents, and their binary form as the parameter of a
// statement. Used by query_bench.cpp and measure.cpp; pure, so that the unit tests need no server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "../data/fvecs.h"
#include "../data/mvecs.h"
#include "../data/wire.h"

namespace lowdim::bench {

// The type that a statement gives its parameter, from pg_type.
struct ParameterType {
  std::string name;          // "" where the statement has no parameter
  std::string element_name;  // of an array
  uint32_t element_oid = 0;
};

class Queries {
 public:
  // At most `most` queries of a .fvecs, .bvecs or .mvecs file.
  static Queries read(const std::string& path, size_t most) {
    Queries q;
    if (path.ends_with(".mvecs"))
      q.documents_ = read_mvecs(path, most);
    else
      q.vectors_ = read_vectors(path, most);
    return q;
  }

  size_t size() const { return has_documents() ? documents_.size() : vectors_.rows; }

  // Query i in binary: a vector as vector, halfvec or bit, a document as multivector or as an array of vector
  // or halfvec. Throws std::runtime_error for any other type.
  std::string encode(size_t i, const ParameterType& type) const {
    std::string out;
    if (!has_documents()) {
      const std::string name = type.name == "varbit" ? "bit" : type.name;
      if (name != "vector" && name != "halfvec" && name != "bit")
        refuse(type, "vector, halfvec or bit (write $1::vector)");
      put_value(out, wire_type_named(name), vectors_.row(i), vectors_.cols);
    } else if (type.name == "multivector") {
      put_multivector(out, documents_.document(i), documents_.count(i), documents_.dims);
    } else if (type.element_name == "vector" || type.element_name == "halfvec") {
      put_vectors(out, i, type);
    } else {
      refuse(type, "multivector, vector[] or halfvec[] (write $1::vector[])");
    }
    return out;
  }

 private:
  bool has_documents() const { return documents_.size() > 0; }

  [[noreturn]] static void refuse(const ParameterType& type, const std::string& allowed) {
    throw std::runtime_error("$1 is of type " + type.name + ": it must be " + allowed);
  }

  // An array's binary form: dimensions, whether it has NULLs, the type of its elements, for each dimension
  // its length and lower bound, and every element behind its length.
  void put_vectors(std::string& out, size_t i, const ParameterType& type) const {
    const uint32_t count = documents_.count(i);
    for (const uint32_t head : {uint32_t{1}, uint32_t{0}, type.element_oid, count, uint32_t{1}})
      put_big_endian(out, head);
    std::string element;
    for (uint32_t v = 0; v < count; v++) {
      element.clear();
      put_value(element, wire_type_named(type.element_name),
                documents_.document(i) + size_t{v} * documents_.dims, documents_.dims);
      put_big_endian(out, static_cast<uint32_t>(element.size()));
      out += element;
    }
  }

  Matrix<float> vectors_;
  MultiSet documents_;
};

}  // namespace lowdim::bench
