// Choosing neighbours by what their codes say: occlusion pruning, the choice among a node's links when one
// more comes, and links as they stand in a slot. All distances are those of decoded codes, so that no other
// page needs to be read. Plain data; called by inserts and by vacuum's repair.
#pragma once

#include <algorithm>
#include <limits>

#include "core/base/arena.h"
#include "paged/hnsw/layout.h"

namespace lowdim::paged::hnsw {

struct Candidate {
  float distance;  // from the base
  NodeId id;
  const uint8_t* code;  // code_bytes
};
inline bool nearer(const Candidate& a, const Candidate& b) {
  return a.distance != b.distance ? a.distance < b.distance : a.id < b.id;
}

class Pruner {
 public:
  Pruner(Arena arena, const Geometry& g, const core::GraphCode& code)
      : g_(g),
        code_(code),
        dims_(code.code_dims()),
        kept_(arena.grab<float>(size_t{g.degree} * dims_)),
        terms_(arena.grab<float>(g.degree)),
        base_(arena.grab<float>(dims_)),
        other_(arena.grab<float>(dims_)),
        codes_(arena.grab<uint8_t>(size_t{g.degree + 1} * g.code_bytes())),
        links_(arena.grab<Candidate>(g.degree + 1)),
        chosen_(arena.grab<uint32_t>(g.degree + 1)),
        picked_(arena.grab<uint8_t>(g.degree + 1)) {}

  void set_base(const uint8_t* code) {
    code_.decode(code, base_);
    base_term_ = code_.decoded_term(code, base_);
  }
  float distance_from_base(const uint8_t* code) {
    code_.decode(code, other_);
    const float d = code_.distance_decoded(base_, base_term_, other_, code_.decoded_term(code, other_));
    // A damaged model can make NaN, by which nothing can be sorted.
    return d <= std::numeric_limits<float>::max() ? d : std::numeric_limits<float>::max();
  }

  // Of `n` candidates, nearest first: those that no nearer chosen one is nearer to than the base is, `degree`
  // at most, then the nearest of the rest until there are `least`. Writes their indices, in no order.
  uint32_t choose(const Candidate* candidates, uint32_t n, uint32_t least, uint32_t* chosen) {
    return choose_beside(candidates, n, 0, least, chosen);
  }
  // The same, but the first `given` candidates (degree at most) are chosen whatever they are; nearest first
  // are those behind them.
  uint32_t choose_beside(const Candidate* candidates, uint32_t n, uint32_t given, uint32_t least,
                         uint32_t* chosen) {
    uint32_t count = 0;
    for (uint32_t j = 0; j < n && count < g_.degree; ++j) {
      float* u = kept_ + size_t{count} * dims_;
      code_.decode(candidates[j].code, u);
      const float term = code_.decoded_term(candidates[j].code, u);
      bool occluded = false;
      for (uint32_t k = 0; k < count && j >= given && !occluded; ++k) {
        occluded =
            code_.distance_decoded(kept_ + size_t{k} * dims_, terms_[k], u, term) < candidates[j].distance;
      }
      if (occluded) continue;
      terms_[count] = term;
      chosen[count++] = j;
    }
    const uint32_t kept = count;
    for (uint32_t j = 0, k = 0; j < n && count < least; ++j) {
      if (k < kept && chosen[k] == j) {
        ++k;
      } else {
        chosen[count++] = j;
      }
    }
    return count;
  }

  // Which of the links of a full `slot` makes room for a node with `code`: a lane, or degree if the newcomer
  // is the one that is not worth it; then, if `force`, the second worst.
  uint32_t lane_for(const uint8_t* slot, NodeId id, const uint8_t* code, bool force) {
    const uint32_t n = g_.degree;
    set_base(slot + g_.code_offset());
    for (uint32_t j = 0; j <= n; ++j) {
      uint8_t* to = codes_ + size_t{j} * g_.code_bytes();
      if (j < n) {
        get_code(Geometry::bundle_codes(bundle_of(slot, g_, j / kLanes)), j % kLanes, g_.segments, to);
      } else {
        std::memcpy(to, code, g_.code_bytes());
      }
      links_[j] = {distance_from_base(to), j < n ? neighbour_of(slot, g_, j) : id, to};
    }
    std::sort(links_, links_ + n + 1, nearer);
    std::memset(picked_, 0, n + 1);
    const uint32_t count = choose(links_, n + 1, 0, chosen_);
    for (uint32_t k = 0; k < count; ++k) picked_[chosen_[k]] = 1;
    // The farthest that is occluded; the farthest of all if none is.
    uint32_t worst = n + 1;
    const auto lane_of = [&](uint32_t j) {
      return static_cast<uint32_t>(links_[j].code - codes_) / g_.code_bytes();
    };
    for (uint32_t pass = 0; pass < 2 && worst > n; ++pass) {
      for (uint32_t j = n + 1; j-- > 0;) {
        if ((pass == 0 && picked_[j] != 0) || (force && lane_of(j) == n)) continue;
        worst = j;
        break;
      }
    }
    return lane_of(worst);
  }

 private:
  Geometry g_;
  core::GraphCode code_;
  uint32_t dims_;
  float* kept_;
  float* terms_;
  float* base_;
  float base_term_ = 0;
  float* other_;
  uint8_t* codes_;
  Candidate* links_;
  uint32_t* chosen_;
  uint8_t* picked_;
};

inline bool has_link(const uint8_t* slot, const Geometry& g, NodeId to) {
  const uint32_t n = head_of(slot).count;
  for (uint32_t j = 0; j < n; ++j) {
    if (neighbour_of(slot, g, j) == to) return true;
  }
  return false;
}

inline void put_link(uint8_t* slot, const Geometry& g, uint32_t lane, NodeId to, const uint8_t* code) {
  uint8_t* bundle = bundle_of(slot, g, lane / kLanes);
  Geometry::bundle_ids(bundle)[lane % kLanes] = to;
  put_code(Geometry::bundle_codes(bundle), lane % kLanes, g.segments, code);
}

}  // namespace lowdim::paged::hnsw
