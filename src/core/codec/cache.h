// One codec and one prepared query, kept for as long as a call site sees the same arguments: reading a model
// and preparing a query cost far more than using them. Owned by the server's side through make_in
// (pg/door.h).
#pragma once

#include <memory>
#include <vector>

#include "core/codec/codec.h"

namespace lowdim::core {

class CodecCache {
 public:
  // The codec that was loaded under this key, nullptr if another one or none is here.
  const Codec* find(const void* key, size_t key_bytes) const;
  // Reads the codec from its image and keeps it under the key. Throws as Codec::read does; then nothing is
  // here.
  const Codec* load(const void* key, size_t key_bytes, const uint8_t* image, size_t image_bytes);
  // The query q, of codec.dims() floats, prepared for the loaded codec.
  const CodecQuery* query(const float* q);

 private:
  std::unique_ptr<Codec> codec_;
  std::vector<uint8_t> key_;
  std::unique_ptr<CodecQuery> query_;
  std::vector<float> query_key_;
};

}  // namespace lowdim::core
