// See cache.h.

#include "core/codec/cache.h"

#include <cstring>

namespace lowdim::core {

const Codec* CodecCache::find(const void* key, size_t key_bytes) const {
  const bool same =
      codec_ != nullptr && key_.size() == key_bytes && std::memcmp(key_.data(), key, key_bytes) == 0;
  return same ? codec_.get() : nullptr;
}

const Codec* CodecCache::load(const void* key, size_t key_bytes, const uint8_t* image, size_t image_bytes) {
  query_.reset();
  codec_.reset();
  codec_ = Codec::read(image, image_bytes);
  const uint8_t* k = static_cast<const uint8_t*>(key);
  key_.assign(k, k + key_bytes);
  return codec_.get();
}

const CodecQuery* CodecCache::query(const float* q) {
  const size_t n = codec_->dims();
  if (query_ == nullptr || std::memcmp(query_key_.data(), q, n * sizeof(float)) != 0) {
    query_.reset();
    query_key_.assign(q, q + n);
    query_ = std::make_unique<CodecQuery>(*codec_, q);
  }
  return query_.get();
}

}  // namespace lowdim::core
