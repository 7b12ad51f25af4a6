// Measures what searches of an index find (calibration.h). Rows of the index itself are the queries: their
// neighbours are found exactly, by one sweep over the vectors that the slots keep, and then by one walk, as
// wide as the ladder is long. It expands nodes in the order in which narrower ones do, so that it shows on
// the way what each of them would have found when it ended, and what a search can know of itself at each
// moment.
//
// A row is easier to find than a new one as long as its own node is there: the walk comes to it, and it knows
// all its neighbours. A build of some size therefore links its queries last, when they have been measured
// with: run_held(). Later, a query's node is hidden from its walk, which neither expands it nor scores what
// it links to, and from the exact answer. What remains of it are links of others to it, which lead nowhere:
// fewer links than a new row would find, so that new rows are found by up to two points better
// (docs/lean_hnsw.md).
//
// Nothing is written but, by put_calibration(), the table, and no gate is held: what others do meanwhile
// makes the figures a little older. Called at the end of builds and trainings, and by vacuum.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/arena.h"
#include "core/base/random.h"
#include "paged/hnsw/create.h"
#include "paged/hnsw/search.h"

namespace lowdim::paged::hnsw {

inline constexpr uint32_t kLeastQueries = 128, kMostQueries = 400;

struct CalibrateLimits {
  size_t memory_bytes = size_t{64} << 20;
  uint32_t most_queries = kMostQueries;
  // Coordinates that a node is compared in, with all queries: fewer queries where there are many dimensions,
  // down to kLeastQueries.
  uint32_t work_per_node = 200000;
};

// Whether to measure: never done, or a fifth of the nodes changed since.
inline bool wants_calibration(const Options& o) {
  if (o.model_block == kNoBlock || o.payload == Payload::kNone) return false;
  const Calibration& c = o.calibration;
  if (!knows_recall(c)) return true;
  const double changed = static_cast<double>(c.changed) + static_cast<double>(o.inserted);
  return changed * 5 > static_cast<double>(c.nodes);
}

// Nearness is, or follows from, an inner product.
inline bool by_products(const Options& o) {
  return o.metric == Metric::kL2 || o.metric == Metric::kInner || o.metric == Metric::kCosine;
}

// About what a query takes while it is measured with: its vector, and a hundred points of its walk.
inline size_t query_bytes(const Options& o) {
  return size_t{o.dims} * 4 + 64 + 100 * (sizeof(core::EffortPoint) + sizeof(float));
}

// How many rows to measure with, of an index of so many nodes.
inline uint32_t wanted_queries(const Options& o, const CalibrateLimits& how) {
  if (o.payload == Payload::kNone) return 0;
  const double each = o.payload == Payload::kBits ? o.dims / 16.0 : by_products(o) ? o.dims : o.dims * 3.0;
  const double fit = static_cast<double>(how.memory_bytes / 2) / static_cast<double>(query_bytes(o));
  const double want = std::min(std::max(how.work_per_node / each, double{kLeastQueries}),
                               static_cast<double>(how.most_queries));
  return static_cast<uint32_t>(std::min({want, fit, static_cast<double>(o.nodes) / 2}));
}

// How many of the `nodes` that a build links shall be linked after the measurement: so few that it measures
// the graph that there will be, or none.
inline uint32_t held_queries(const Options& o, const CalibrateLimits& how, uint64_t nodes) {
  const uint32_t wanted = wanted_queries(o, how);
  return wanted >= kCalibratedRows && nodes / 16 >= wanted ? wanted : 0;
}

template <Store S>
class Calibrator {
 public:
  // All that is referred to must stay. `code` is the one of `o`.
  Calibrator(S& s, const Options& o, const core::GraphCode& code, Arena arena, const CalibrateLimits& how)
      : s_(s),
        o_(o),
        code_(code),
        g_(o),
        arena_(arena),
        how_(how),
        walk_(arena, o),
        taken_(arena),
        points_(arena),
        ends_(arena) {
    tables_.entries = arena.grab<uint8_t>(16 * size_t{o.segments});
    std::memset(tables_.entries, 0, 16 * size_t{o.segments});
    scratch_ = arena.grab<float>(code.scratch_floats() + o.dims);
  }

  // Queries from the index, with recall. False if there are too few nodes, or too little memory.
  bool run(Calibration* out) { return draw() && measure(out); }

  // The same with these nodes, which have no links yet, nor are they linked to.
  bool run_held(const NodeId* ids, uint32_t n, Calibration* out) {
    if (o_.payload == Payload::kNone) return false;
    held_ = true;
    make_room(n);
    for (uint32_t i = 0; i < n; ++i) {
      s_.poll();
      take(ids[i]);
    }
    return n_ >= kCalibratedRows && measure(out);
  }

  // Queries of the caller's, `n` rows as codes are made of them; no recall.
  bool run_with(const float* rows, uint32_t n, Calibration* out) {
    n_ = n;
    guides_ = rows;
    if (n == 0) return false;
    begin(out, 0);
    for (uint32_t q = 0; q < n_; ++q) trace(q);
    finish(out);
    return true;
  }

 private:
  static constexpr uint32_t kBatch = 32;  // vectors that meet all queries while they are in the cache
  // Once a query has found all, or where nothing is known of that, its walk ends here: what happens later has
  // no bearing on recall, but on how long a search goes on that cannot know that it has all.
  static constexpr uint32_t kAfterAll = 3, kMoreAfterAll = 64, kWidestHops = 100;

  bool measure(Calibration* out) {
    find_truth();
    begin(out, kHasRecall);
    for (uint32_t q = 0; q < n_; ++q) trace(q);
    finish(out);
    float* scores = arena_.grab<float>(points_.size());
    Calibration judged = *out;
    judged.flags |= kHasEffort;
    const core::EffortTraces traces{points_.data(), ends_.data(), n_};
    if (!core::measure_effort(traces, scores, &judged.model, judged.efforts) || !sane_effort(judged))
      return true;
    if (core::effort_gains(traces, scores, judged.efforts)) judged.flags |= kEffortGains;
    *out = judged;
    return true;
  }

  bool bits() const { return o_.payload == Payload::kBits; }
  bool products() const { return by_products(o_); }

  void begin(Calibration* out, uint16_t flags) {
    *out = Calibration{};
    out->version = kCalibrationVersion;
    out->flags = flags;
    out->queries = n_;
    out->nodes = o_.nodes;
    out->changed = -static_cast<int64_t>(o_.inserted);
  }

  // --- Queries

  bool is_row(const uint8_t* slot) const {
    const SlotHead& head = head_of(slot);
    return head.state == State::kLive && (head.flags & kAlone) == 0 &&
           (head.tid_count != 0 || head.overflow != kNoNode);
  }

  void make_room(uint32_t queries) {
    ids_ = arena_.grab<NodeId>(queries);
    // With a place more: see meet().
    stride_ = bits() ? (o_.payload_bytes + 3) / 4 : o_.dims + 1;
    vectors_ = arena_.grab<float>(stride_ * queries);
    squares_ = arena_.grab<double>(queries);
    nearest_ = arena_.grab<float>(size_t{queries} * kCalibratedRows + 1);
    counts_ = arena_.grab<uint32_t>(queries + 1);
    thresholds_ = arena_.grab<float>(queries + 1);
    near_ = arena_.grab<uint32_t>(queries + 1);
    std::memset(counts_, 0, queries * sizeof(uint32_t));
  }

  // Makes a query of a row, if it is one.
  bool take(NodeId id) {
    float* query = vectors_ + stride_ * n_;
    const bool good = s_.read(g_.block(id), [&](PageView page) {
      if (!is_nodes(page, g_)) return false;
      const uint8_t* slot = slot_at(page, g_, g_.item(id));
      if (!is_row(slot)) return false;
      take_vector(slot, query);
      return true;
    });
    if (!good) return false;
    if (!bits()) query[o_.dims] = o_.metric == Metric::kL2 ? 1.0f : 0.0f;
    squares_[n_] = bits() ? 0 : simd::kernels().norm2_f32(query, o_.dims);
    taken_.insert(id);
    ids_[n_++] = id;
    return true;
  }

  bool draw() {
    const uint32_t wanted = wanted_queries(o_, how_);
    if (wanted < kCalibratedRows) return false;
    make_room(wanted);
    // The same index gives the same figures.
    core::Random random(o_.nodes * 31 + o_.generation);
    const Block pages = s_.pages();
    if (pages < 2) return false;
    for (uint32_t tries = 0; n_ < wanted && tries < 64 * wanted; ++tries) {
      s_.poll();
      const Block block = 1 + static_cast<Block>(random.below(pages - 1));
      const NodeId id = g_.id(block, static_cast<uint32_t>(random.below(g_.slots_per_page)));
      if (!taken_.contains(id)) take(id);
    }
    return n_ >= kCalibratedRows;
  }

  void take_vector(const uint8_t* slot, float* to) const {
    if (bits()) {
      std::memcpy(to, slot + g_.payload_offset(), o_.payload_bytes);
    } else {
      decode_payload(o_, head_of(slot), slot + g_.payload_offset(), to);
    }
  }

  // In an order that is the distance's; the same for the exact answer and the walk's.
  float distance(const float* a, const float* b) const {
    const simd::Kernels& k = simd::kernels();
    switch (o_.metric) {
      case Metric::kL2:
        return k.l2sq_f32(a, b, o_.dims);
      case Metric::kL1:
        return k.l1_f32(a, b, o_.dims);
      case Metric::kInner:
      case Metric::kCosine:
        return -k.dot_f32(a, b, o_.dims);
      case Metric::kHamming:
        return static_cast<float>(k.hamming(reinterpret_cast<const uint8_t*>(a),
                                            reinterpret_cast<const uint8_t*>(b), o_.payload_bytes));
      case Metric::kJaccard:
        break;
    }
    uint64_t counts[2];
    k.jaccard(reinterpret_cast<const uint8_t*>(a), reinterpret_cast<const uint8_t*>(b), o_.payload_bytes,
              counts);
    return counts[1] == 0 ? 1.0f : 1 - static_cast<float>(counts[0]) / static_cast<float>(counts[1]);
  }

  // --- The exact answer

  void find_truth() {
    float* batch = arena_.grab<float>(stride_ * kBatch);
    NodeId batch_ids[kBatch];
    uint32_t filled = 0;
    uint64_t* bytes = arena_.grab<uint64_t>(kPageBytes / sizeof(uint64_t));
    uint8_t* copy = reinterpret_cast<uint8_t*>(bytes);
    const Block pages = s_.pages();
    for (Block block = kMetaBlock + 1; block < pages; ++block) {
      s_.poll();
      // Measured outside of the lock: it takes longer than anybody should wait.
      const bool good = s_.read(block, [&](PageView page) {
        if (!is_nodes(page, g_)) return false;
        std::memcpy(copy, page.bytes(), kPageBytes);
        return true;
      });
      if (!good) continue;
      for (uint32_t item = 0; item < g_.slots_per_page; ++item) {
        const uint8_t* slot = copy + kBodyOffset + size_t{item} * g_.slot_bytes;
        const NodeId id = g_.id(block, item);
        if (!is_row(slot) || (held_ && taken_.contains(id))) continue;
        take_vector(slot, batch + stride_ * filled);
        batch_ids[filled++] = id;
        if (filled == kBatch) {
          meet(batch, batch_ids, filled);
          filled = 0;
        }
      }
    }
    meet(batch, batch_ids, filled);
  }

  // Most batches have no vector that is near to a query. Where nearness is an inner product, one call of a
  // kernel tells which have one: of negated squared distances too, since |q - x|^2 = |q|^2 - 2 (q, 1) (x,
  // -|x|^2 / 2). What is near by it, or nearly so, is measured as the walks do it.
  void meet(float* batch, const NodeId* ids, uint32_t count) {
    if (products()) {
      double largest = 0;
      for (uint32_t i = 0; i < count; ++i) {
        const double square = simd::kernels().norm2_f32(batch + stride_ * i, o_.dims);
        batch[stride_ * i + o_.dims] = o_.metric == Metric::kL2 ? static_cast<float>(-square / 2) : 0.0f;
        largest = std::max(largest, square);
      }
      for (uint32_t q = 0; q < n_; ++q) {
        thresholds_[q] = -std::numeric_limits<float>::infinity();
        near_[q] = kNoNode;
        if (counts_[q] < kCalibratedRows) continue;
        const double last = static_cast<double>(nearest_[(size_t{q} + 1) * kCalibratedRows - 1]);
        const double at = o_.metric == Metric::kL2 ? (squares_[q] - last) / 2 : -last;
        const double slop = kernel_slop(o_.dims + 1) * (squares_[q] + largest);
        thresholds_[q] = static_cast<float>(at - slop);
      }
      simd::kernels().max_dots_f32(batch, count, vectors_, n_, static_cast<uint32_t>(stride_), 0, thresholds_,
                                   near_);
    }
    for (uint32_t q = 0; q < n_; ++q) {
      if (!products() || near_[q] != kNoNode) measure_all(q, batch, ids, count);
    }
  }
  void measure_all(uint32_t q, const float* batch, const NodeId* ids, uint32_t count) {
    const float* query = vectors_ + stride_ * q;
    float* nearest = nearest_ + size_t{q} * kCalibratedRows;
    uint32_t& have = counts_[q];
    for (uint32_t i = 0; i < count; ++i) {
      if (ids[i] == ids_[q]) continue;
      const float d = distance(query, batch + stride_ * i);
      if (std::isnan(d) || (have == kCalibratedRows && !(d < nearest[have - 1]))) continue;
      uint32_t at = have < kCalibratedRows ? have++ : have - 1;
      for (; at > 0 && d < nearest[at - 1]; --at) nearest[at] = nearest[at - 1];
      nearest[at] = d;
    }
  }

  // --- Walks

  // What all queries had, in sum, when a walk of this ef ended.
  struct Sums {
    double hops, scored, recall, squares;
  };

  void make_tables(uint32_t q, float* x) {
    if (guides_ != nullptr) {
      code_.tables(guides_ + size_t{q} * o_.guide_dims, scratch_, &tables_);
    } else if (bits()) {
      const uint8_t* payload = reinterpret_cast<const uint8_t*>(vectors_ + stride_ * q);
      for (uint32_t d = 0; d < o_.dims; ++d) x[d] = static_cast<float>(payload[d / 8] >> (7 - d % 8) & 1);
      code_.tables(x, scratch_, &tables_);
    } else {
      code_.tables(vectors_ + stride_ * q, scratch_, &tables_);
    }
  }

  void trace(uint32_t q) {
    float* x = scratch_ + code_.scratch_floats();
    make_tables(q, x);
    const bool judged = guides_ == nullptr;
    const uint32_t wanted = judged ? counts_[q] : 0;
    const float farthest = wanted == 0 ? 0 : nearest_[size_t{q} * kCalibratedRows + wanted - 1];
    const uint64_t scored_before = walk_.counts.scored;
    Watch watch;
    uint32_t found = 0, step = 0, enough = kWidestHops, open = 0;
    bool ends_early = false;
    const auto share = [&] {
      return wanted == 0 ? 1.0 : static_cast<double>(std::min(found, wanted)) / wanted;
    };
    const auto scored = [&] { return static_cast<double>(walk_.counts.scored - scored_before); };
    const auto add = [&](double hops, double codes) {
      Sums& sums = sums_[step++];
      sums.hops += hops;
      sums.scored += codes;
      sums.recall += share();
      sums.squares += share() * share();
    };
    const auto point = [&](const core::DeepBeam& beam) {
      core::EffortPoint p{
          watch.meter.hops(), static_cast<uint32_t>(scored()), static_cast<float>(share()), {}};
      watch.meter.read(beam, tables_, p.features);
      points_.push_back(p);
    };
    walk_until<core::DeepBeam>(
        s_, o_, tables_, kLadder[kSteps - 1], walk_,
        [&](NodeId, const uint8_t* slot) {
          if (!judged || !is_row(slot)) return;
          take_vector(slot, x);
          const float d = distance(vectors_ + stride_ * q, x);
          watch.row(static_cast<double>(d));
          if (wanted == 0 || !(d <= farthest)) return;
          if (++found == wanted) enough = (watch.meter.hops() + 1) * kAfterAll + kMoreAfterAll;
        },
        [&](core::DeepBeam& beam) {
          watch.node_done(beam, tables_);
          open = beam.first_open();
          const uint32_t hops = watch.meter.hops();
          while (step < kSteps && open >= kLadder[step]) add(hops, scored());
          NodeId next;
          const bool last = step == kSteps || !beam.peek(&next);
          ends_early = !last && (wanted == 0 || found >= wanted) && hops >= enough;
          if (judged && (watch.meter.due() || last || ends_early)) point(beam);
          return last || ends_early;
        },
        judged ? ids_[q] : kNoNode);
    const double hops = watch.meter.hops(), codes = scored();
    while (step < kSteps) {
      // What is expanded beside the beam is the way there, about the same for all widths.
      const double on = ends_early ? std::max(hops, hops - open + kLadder[step]) : hops;
      add(on, hops > 0 ? codes * (on / hops) : codes);
    }
    if (!judged) return;
    // A walk of an index in which nothing is left to expand.
    if (points_.size() == (q == 0 ? 0 : ends_[q - 1]))
      points_.push_back({1, 0, static_cast<float>(share()), {}});
    ends_.push_back(static_cast<uint32_t>(points_.size()));
  }

  void finish(Calibration* out) const {
    const double n = n_;
    for (uint32_t i = 0; i < kSteps; ++i) {
      CalibrationStep& step = out->steps[i];
      const double recall = sums_[i].recall / n;
      step.hops = static_cast<float>(sums_[i].hops / n);
      step.scored = static_cast<float>(sums_[i].scored / n);
      if (guides_ != nullptr) continue;
      step.recall = static_cast<float>(recall);
      step.error = static_cast<float>(std::sqrt(std::max(0.0, sums_[i].squares / n - recall * recall) / n));
    }
  }

  S& s_;
  const Options& o_;
  const core::GraphCode& code_;
  Geometry g_;
  Arena arena_;
  CalibrateLimits how_;
  Walk walk_;
  core::GraphTables tables_{};
  float* scratch_;
  const float* guides_ = nullptr;
  FlatSet<uint32_t> taken_;  // ids_
  bool held_ = false;        // the queries are not linked yet
  NodeId* ids_ = nullptr;
  float* vectors_ = nullptr;  // a query each `stride_` floats; bit strings are as the slots have them
  size_t stride_ = 0;
  float* nearest_ = nullptr;  // kCalibratedRows a query, counts_ of them
  uint32_t* counts_ = nullptr;
  double* squares_ = nullptr;  // |q|^2
  float* thresholds_ = nullptr;
  uint32_t* near_ = nullptr;
  uint32_t n_ = 0;
  Sums sums_[kSteps] = {};
  ArenaVec<core::EffortPoint> points_;  // see core::EffortTraces
  ArenaVec<uint32_t> ends_;
};

// Stores what was measured of the graph of `measured`; nothing if the index has been trained anew since.
template <Store S>
bool put_calibration(S& s, const Options& measured, const Calibration& calibration) {
  return s.change(kMetaBlock, [&](PageEdit page) {
    Options now{};
    if (read_meta(page, kFormat, now) != MetaStatus::kGood || now.generation != measured.generation ||
        now.model_block != measured.model_block) {
      return Verdict::kAbandon;
    }
    now.calibration = calibration;
    return write_options(page, now) ? Verdict::kCommit : Verdict::kAbandon;
  });
}

// Measures and stores, with the `n` nodes `held` if there are any (run_held). False if there was nothing to
// measure.
template <Store S>
bool calibrate(S& s, const Options& o, const core::GraphCode& code, Arena arena,
               const CalibrateLimits& how = {}, const NodeId* held = nullptr, uint32_t n = 0) {
  if (o.model_block == kNoBlock) return false;
  Calibration calibration{};
  Calibrator<S> calibrator(s, o, code, arena, how);
  return (n > 0 ? calibrator.run_held(held, n, &calibration) : calibrator.run(&calibration)) &&
         put_calibration(s, o, calibration);
}

}  // namespace lowdim::paged::hnsw
