// The list of projections and quantizers: how a specification and the parts of a codec are read back. A new
// method is added here, in options.cpp (its name and options) and in train.cpp (how it is trained).
#pragma once

#include <memory>

#include "core/base/bytes.h"
#include "core/codec/options.h"
#include "core/codec/projection.h"
#include "core/codec/quantizer.h"

namespace lowdim::core {

void write_spec(ByteWriter& out, const CodecSpec& spec);
CodecSpec read_spec(ByteReader& in);  // throws Error(kCorrupted) for values that parse_options would not give

std::unique_ptr<Projection> read_projection(ByteReader& in, const CodecSpec& spec, size_t in_dims);
std::unique_ptr<Quantizer> read_quantizer(ByteReader& in, const CodecSpec& spec, size_t dims);

bool read_flag(ByteReader& in);  // 0 or 1

}  // namespace lowdim::core
