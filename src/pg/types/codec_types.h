// The SQL types of the compression core.
//
//   codec   varlena: the image of a core::Codec, as core/codec/codec.h describes it
//   code    varlena: 4 bytes fingerprint of the codec that made it, then that codec's code
//
// A function that is called for every row with the same codec, or the same query, keeps the model and the
// prepared query at its call site (core/codec/cache.h) for as long as the arguments stay the same.
#pragma once

#include "core/codec/codec.h"
#include "pg/compat.h"
#include "pg/pg.h"

namespace lowdim::pg {

struct Code {
  int32 vl_len_;
  uint32 fingerprint;
  uint8 bytes[FLEXIBLE_ARRAY_MEMBER];
};

inline uint32 short_fingerprint(uint64 fingerprint) { return static_cast<uint32>(fingerprint); }

// The codec in argument n, read at most once for as long as the argument stays the same.
const core::Codec& codec_arg(FunctionCallInfo fcinfo, int n);

// Argument n as a code of `codec`; Error 22023 if another codec made it.
const Code* code_arg(FunctionCallInfo fcinfo, int n, const core::Codec& codec);

// The query in q (dim floats), prepared for the codec of codec_arg.
const core::CodecQuery& prepared_query(FunctionCallInfo fcinfo, const core::Codec& codec, const float* q,
                                       int dim);

// Raises unless dim is what the codec was trained for.
void check_codec_dim(const core::Codec& codec, int dim);

}  // namespace lowdim::pg
