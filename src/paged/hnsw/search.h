// Best-first search over the pages: walk() expands nodes from the entries on, one page a hop, its neighbours'
// codes scored 32 at a time; Scan hands out rows in order of distance for as long as they are wanted.
//
// What is read may be changing (see layout.h): numbers are checked against the file, kinds and states against
// what is there, loops end because no node is expanded twice. Nothing is allocated, copied or hashed in a hop
// but the few candidates that are new. Called by scans, and walk() by inserts.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/arena.h"
#include "core/graph/beam.h"
#include "core/graph/deep_beam.h"
#include "core/graph/effort.h"
#include "core/simd/fastscan.h"
#include "paged/hnsw/distance.h"
#include "paged/hnsw/layout.h"
#include "paged/store.h"

namespace lowdim::paged::hnsw {

struct WalkCounts {
  uint64_t hops = 0;      // nodes expanded: pages read
  uint64_t scored = 0;    // codes
  uint64_t measured = 0;  // payloads
};

// Memory of walks, used again by the next one.
class Walk {
 public:
  Walk(Arena arena, const Options& o) : arena_(arena), seen_(arena), keys_(arena) {
    const Geometry g(o);
    const uint32_t bundles =
        g.bundles() > g.bundles_per_entries_page() ? g.bundles() : g.bundles_per_entries_page();
    sums_ = arena.grab<uint32_t>(size_t{bundles} * kLanes);
  }

  // Nothing seen, a beam of `ef`, nodes numbered below `ids`.
  template <class Beam>
  Beam start(uint32_t ef, uint64_t ids) {
    const size_t words = (ids + 63) / 64;
    if (words > seen_.size()) {
      seen_ = ArenaVec<uint64_t>(arena_);
      seen_.resize(words + words / 8);
    } else {
      std::memset(seen_.data(), 0, seen_.size() * sizeof(uint64_t));
    }
    ids_ = ids;
    keys_.reserve(Beam::room(ef));
    return Beam(keys_.data(), ef);
  }
  // True if `id` exists and is new.
  bool mark(NodeId id) {
    if (id >= ids_) return false;
    uint64_t& word = seen_[id / 64];
    const uint64_t bit = uint64_t{1} << (id % 64);
    if ((word & bit) != 0) return false;
    word |= bit;
    return true;
  }
  uint32_t* sums() { return sums_; }

  WalkCounts counts;

 private:
  Arena arena_;
  ArenaVec<uint64_t> seen_;
  ArenaVec<uint64_t> keys_;
  uint32_t* sums_;
  uint64_t ids_ = 0;
};

// Scores the first `count` lanes of `bundles` and offers what is near enough to the beam.
template <class Beam>
void offer(const Geometry& g, const core::GraphTables& tables, const uint8_t* bundles, uint32_t count,
           Walk& walk, Beam& beam) {
  const simd::FastScanKernels& kernels = simd::fastscan_kernels();
  walk.counts.scored += count;
  uint32_t* sums = walk.sums();
  for (uint32_t from = 0; from < count; from += kLanes, bundles += g.bundle_bytes()) {
    kernels.sums(Geometry::bundle_codes(bundles), 1, g.segments, tables.entries, sums);
    const NodeId* ids = Geometry::bundle_ids(bundles);
    const uint32_t n = count - from < kLanes ? count - from : kLanes, limit = beam.limit();
    // The near ones first, without a branch: which they are cannot be guessed.
    uint8_t near[kLanes];
    uint32_t n_near = 0;
    for (uint32_t j = 0; j < n; ++j) {
      near[n_near] = static_cast<uint8_t>(j);
      n_near += sums[j] < limit;
    }
    for (uint32_t i = 0; i < n_near; ++i) {
      const uint32_t sum = sums[near[i]];
      if (sum < beam.limit() && walk.mark(ids[near[i]])) beam.push(sum, ids[near[i]]);
    }
  }
}

// Offers the entries.
template <Store S, class Beam>
void offer_entries(S& s, const Options& o, const Geometry& g, const core::GraphTables& tables, Walk& walk,
                   Beam& beam) {
  const Block pages = s.pages();
  Block at = o.entries_block;
  for (Block steps = 0; at != kNoBlock && at < pages && steps < pages; ++steps) {
    s.poll();
    at = s.read(at, [&](PageView page) {
      if (!page.is_kind(kind::kEntries) || page.body_bytes() < sizeof(EntriesHead)) return kNoBlock;
      const uint32_t room = g.bundles_per_entries_page() * kLanes;
      const uint32_t count = page.body<EntriesHead>()->count;
      if (count > room || page.body_bytes() < sizeof(EntriesHead) +
                                                  size_t{(count + kLanes - 1) / kLanes} * g.bundle_bytes()) {
        return kNoBlock;
      }
      offer(g, tables, entries_bundle(page, g, 0), count, walk, beam);
      return page.next();
    });
  }
}

// Expands the nearest candidates until the beam has none left. visit(id, slot) is called under the page's
// share lock for each live or dead node, once; stop(beam) after each node, and ends the walk by true.
// `hidden`: a node that is treated as if it were not there.
template <class Beam, Store S, class Visit, class Stop>
void walk_until(S& s, const Options& o, const core::GraphTables& tables, uint32_t ef, Walk& w, Visit visit,
                Stop stop, NodeId hidden = kNoNode) {
  const Geometry g(o);
  const uint64_t ids = uint64_t{s.pages()} * g.slots_per_page;
  Beam beam = w.start<Beam>(ef, ids);
  w.mark(hidden);
  offer_entries(s, o, g, tables, w, beam);
  for (NodeId id; beam.pop(&id);) {
    s.poll();
    ++w.counts.hops;
    // While this node is looked at, the memory of the next one is on its way.
    if (NodeId next; beam.peek(&next)) {
      s.prefetch(g.block(next), kBodyOffset + size_t{g.item(next)} * g.slot_bytes, g.slot_bytes);
    }
    s.read(g.block(id), [&](PageView page) {
      if (!is_nodes(page, g)) {
        s.damage(g.block(id), kWholePage, "a neighbour's number leads to a page without nodes");
        return;
      }
      const uint8_t* slot = slot_at(page, g, g.item(id));
      const SlotHead& head = head_of(slot);
      if (head.state != State::kLive && head.state != State::kDead) return;  // freed since
      visit(id, slot);
      offer(g, tables, bundle_of(slot, g, 0), head.count < g.degree ? head.count : g.degree, w, beam);
    });
    if (stop(beam)) return;
  }
}
template <Store S, class Visit>
void walk(S& s, const Options& o, const core::GraphTables& tables, uint32_t ef, Walk& w, Visit visit) {
  walk_until<core::Beam>(s, o, tables, ef, w, visit, [](const core::Beam&) { return false; });
}

// What a walk tells a meter: the distance of each row from within visit(), and from stop() that the node is
// done.
class Watch {
 public:
  // In the unit of the code's estimates, squared for L2.
  void row(double distance) {
    distance_ = distance;
    is_row_ = true;
  }
  void node_done(const core::DeepBeam& beam, const core::GraphTables& tables) {
    const double step = static_cast<double>(tables.step);
    if (is_row_)
      meter.see(static_cast<double>(tables.bias) + step * beam.popped(), distance_);
    else
      meter.pass();
    is_row_ = false;
  }

  core::EffortMeter meter;

 private:
  double distance_ = 0;
  bool is_row_ = false;
};

// One row of a scan.
struct Row {
  Tid tid;
  double bound;  // its distance is at least this; NaN sorts last
  bool exact;    // it is this
  Place place;   // of the value of the node's first row
};

struct ScanLimits {
  // Candidates that the first round keeps, and if it is to stop by itself, when: as soon as the log odds of a
  // missing neighbour are below the threshold.
  uint32_t ef = 40;
  const core::EffortModel* model = nullptr;
  double threshold = 0;
  bool ordered = true;      // false: what is found late is handed out at once
  uint64_t most_nodes = 0;  // stop after that many; 0: never
  size_t memory_bytes = size_t{4} << 20;
};

// What a first round gives of a small ef: ten rows, one more before the executor believes the tenth, and
// another where two are about equally far or one is the query itself. Who asks for ten then pays for one
// walk; who asks for more gets them from wider rounds, less those that the small one missed, which come too
// late.
inline constexpr uint32_t kFirstRows = core::kEffortLeast;
static_assert(kFirstRows == kCalibratedRows + 2 && kFirstRows < kLeastEf);

// How wide the rounds of a scan are, and how many nodes they hand out in all. The first gives the nearer half
// of what it keeps, but kFirstRows at least where it keeps as many. Each further one is wider by four, and
// brings the total to a quarter of its width.
class Rounds {
 public:
  // `by_codes`: the nearest are known by nothing but their codes, so that twice as many have to be measured.
  explicit Rounds(uint32_t ef, bool by_codes = false)
      : ef_(ef), more_(by_codes ? 2 : 1), share_(kFirstShare), least_(ef < kFirstRows ? 0 : kFirstRows) {}
  uint64_t ef() const { return ef_; }
  uint64_t total() const { return std::max((ef_ * more_ + share_ - 1) / share_, least_); }
  // From a first round that gave more than its half, as if it had been as wide as that takes.
  void widen() {
    ef_ = std::max(ef_, least_ * share_ / more_) * kWider;
    share_ = kLaterShare;
    least_ = 0;
  }

 private:
  static constexpr uint64_t kFirstShare = 2, kLaterShare = 4, kWider = 4;
  uint64_t ef_, more_, share_, least_;
};

// A scan in order of distance. The first round is a walk with ef; each further one is wider by four, and
// leaves out what has been handed out. A row that is found late, nearer than one that has been handed out,
// waits until all else is: the order is strict, and nothing is lost. Therefore only the nearest part of what
// a round finds is handed out: the farther part has gaps, which the next round fills, and the nodes on the
// way in are farther still. Where a walk would see a good part of the index, and where there is no graph yet,
// all nodes are read instead.
//
// With Payload::kNone `bound` is only an estimate of the order (its square, for L2), and exact is false: the
// caller measures.
template <Store S>
class Scan {
 public:
  // All that is referred to must stay.
  Scan(S& s, const Options& o, const Query& q, const ScanLimits& limits, Arena arena)
      : s_(&s),
        o_(&o),
        q_(&q),
        limits_(limits),
        arena_(arena),
        g_(o),
        walk_(arena, o),
        found_(arena),
        order_(arena),
        done_(arena, 0),
        aside_(arena),
        tids_(arena),
        round_(limits.ef, o.payload == Payload::kNone) {}

  // From now on only what was found late and waits is handed out.
  void end_search() { ended_ = true; }

  bool next(Row* row) {
    for (;;) {
      if (tid_at_ < tids_.size()) {
        *row = {tids_[tid_at_++], now_.bound, now_.exact, now_.place};
        return true;
      }
      if (limits_.most_nodes != 0 && handed_out_ >= limits_.most_nodes) return false;
      s_->poll();
      if (ended_) {
        if (aside_at_ == aside_.size()) return false;
        hand_out_aside();
        continue;
      }
      if (!order_.empty() && (sweeping_ || handed_out_ < round_.total())) {
        // Rows that wait have a distance; rows at NaN, the last that a sweep finds, have none.
        if (aside_at_ < aside_.size() && std::isnan(found_[order_.top().at].bound)) {
          hand_out_aside();
          continue;
        }
        const uint32_t at = order_.pop().at;
        if (!sweeping_) done_.insert(found_[at].id);
        if (limits_.ordered && found_[at].bound < last_) {  // false for NaN
          aside_.push_back(found_[at]);
          continue;
        }
        hand_out(found_[at]);
        continue;
      }
      if (more()) continue;
      if (aside_at_ == aside_.size()) return false;
      hand_out_aside();
    }
  }

  const WalkCounts& counts() const { return walk_.counts; }
  uint32_t rounds() const { return rounds_; }
  bool swept() const { return sweeping_; }

 private:
  struct Found {
    double bound;
    NodeId id;
    NodeId overflow;
    bool exact;
    uint8_t tid_count;
    uint8_t tids[kInlineTids * kTidBytes];
    Place place;
  };
  struct Spot {
    double bound;
    NodeId id;
    uint32_t at;  // in found_
  };
  // NaN after everything, equal bounds by number: a total order, which the passes of a sweep continue.
  static bool before(double a, NodeId id_a, double b, NodeId id_b) {
    if (std::isnan(a) || std::isnan(b)) {
      if (std::isnan(a) != std::isnan(b)) return std::isnan(b);
      return id_a < id_b;
    }
    return a != b ? a < b : id_a < id_b;
  }
  struct Nearer {
    bool operator()(const Spot& a, const Spot& b) const { return before(a.bound, a.id, b.bound, b.id); }
  };
  struct Farther {
    bool operator()(const Spot& a, const Spot& b) const { return before(b.bound, b.id, a.bound, a.id); }
  };

  Found read_slot(NodeId id, const uint8_t* slot) {
    const SlotHead& head = head_of(slot);
    Found f;
    ++walk_.counts.measured;
    f.bound = bound(*o_, *q_, head, slot + g_.payload_offset(), &f.exact, &distance_);
    f.id = id;
    f.overflow = head.overflow;
    f.tid_count = head.tid_count < kInlineTids ? head.tid_count : static_cast<uint8_t>(kInlineTids);
    std::memcpy(f.tids, head.tids, sizeof f.tids);
    f.place = get_place(slot, g_);
    return f;
  }

  bool more() {
    const bool trained = o_->model_block != kNoBlock && q_->tables.entries != nullptr && !q_->input.alone;
    if (rounds_ != 0 && !sweeping_) round_.widen();
    // A walk that expands an eighth of the nodes reads them at random, and the next round again.
    if (!sweeping_ && trained && (rounds_ == 0 || round_.ef() < o_->nodes / 8)) {
      ++rounds_;
      round();
      if (!order_.empty()) return true;
    }
    return sweep();
  }

  void round() {
    found_.clear();
    order_.clear();
    const auto take = [&](NodeId id, const uint8_t* slot) {
      const SlotHead& head = head_of(slot);
      if (head.state != State::kLive || done_.contains(id)) return false;
      if (head.tid_count == 0 && head.overflow == kNoNode) return false;
      found_.push_back(read_slot(id, slot));
      if (o_->payload == Payload::kNone) found_.back().bound = estimate(slot);
      order_.push({found_.back().bound, id, static_cast<uint32_t>(found_.size() - 1)});
      return true;
    };
    const uint32_t ef = static_cast<uint32_t>(round_.ef());
    if (rounds_ > 1 || limits_.model == nullptr) {
      walk(*s_, *o_, q_->tables, ef, walk_, [&](NodeId id, const uint8_t* slot) { take(id, slot); });
      return;
    }
    Watch watch;
    walk_until<core::DeepBeam>(
        *s_, *o_, q_->tables, ef, walk_,
        [&](NodeId id, const uint8_t* slot) {
          if (take(id, slot)) watch.row(distance_);
        },
        [&](const core::DeepBeam& beam) {
          watch.node_done(beam, q_->tables);
          if (!watch.meter.due()) return false;
          float features[core::kEffortFeatures];
          watch.meter.read(beam, q_->tables, features);
          return static_cast<double>(limits_.model->missing(features)) < limits_.threshold;
        });
    // From here on it is as a round that was to keep no more.
    round_ = Rounds(std::max(watch.meter.hops(), 1u), o_->payload == Payload::kNone);
  }

  // Of a node's own code, as the one lane of a block.
  double estimate(const uint8_t* slot) {
    const uint8_t* code = slot + g_.code_offset();
    double sum = 0;
    for (uint32_t seg = 0; seg < g_.segments; ++seg) {
      sum += q_->tables.entries[16 * seg + (code[seg / 2] >> (4 * (seg % 2)) & 15)];
    }
    return static_cast<double>(q_->tables.bias) + static_cast<double>(q_->tables.step) * sum;
  }

  // Reads all nodes and keeps the nearest that fit the memory, of those after the last pass.
  bool sweep() {
    if (swept_all_) return false;
    const bool first = !sweeping_;
    sweeping_ = true;
    found_.clear();
    order_.clear();
    const size_t room = limits_.memory_bytes / (sizeof(Found) + sizeof(Spot));
    const size_t most = room < 64 ? 64 : room;
    ArenaHeap<Spot, Farther>& worst = worst_ == nullptr ? *(worst_ = make_worst()) : *worst_;
    worst.clear();
    const Block pages = s_->pages();
    for (Block block = kMetaBlock + 1; block < pages; ++block) {
      s_->poll();
      s_->read(block, [&](PageView page) {
        if (!is_nodes(page, g_)) return;
        for (uint32_t item = 0; item < g_.slots_per_page; ++item) {
          const uint8_t* slot = slot_at(page, g_, item);
          const SlotHead& head = head_of(slot);
          const NodeId id = g_.id(block, item);
          if (head.state != State::kLive || done_.contains(id)) continue;
          if (head.tid_count == 0 && head.overflow == kNoNode) continue;
          Found f = read_slot(id, slot);
          if (o_->payload == Payload::kNone && q_->tables.entries != nullptr && !std::isnan(f.bound)) {
            f.bound = estimate(slot);
          }
          if (!first && !before(sweep_bound_, sweep_id_, f.bound, id)) continue;
          if (worst.size() < most) {
            found_.push_back(f);
            worst.push({f.bound, id, static_cast<uint32_t>(found_.size() - 1)});
          } else if (before(f.bound, id, worst.top().bound, worst.top().id)) {
            const uint32_t at = worst.top().at;
            found_[at] = f;
            worst.replace_top({f.bound, id, at});
          }
        }
      });
    }
    if (worst.size() < most) swept_all_ = true;
    if (worst.empty()) return false;
    sweep_bound_ = worst.top().bound;
    sweep_id_ = worst.top().id;
    for (const Spot& p : worst) order_.push(p);
    return true;
  }
  ArenaHeap<Spot, Farther>* make_worst() {
    return new (arena_.grab_from(arena_.self, sizeof(ArenaHeap<Spot, Farther>),
                                 alignof(ArenaHeap<Spot, Farther>))) ArenaHeap<Spot, Farther>(arena_);
  }

  void hand_out(const Found& f) {
    now_ = f;
    if (aside_at_ == 0) last_ = f.bound;
    ++handed_out_;
    tids_.clear();
    tid_at_ = 0;
    for (uint32_t i = 0; i < f.tid_count; ++i) tids_.push_back(get_tid(f.tids + i * kTidBytes));
    if (f.overflow == kNoNode) return;  // asking for the number of pages is a system call
    const Block pages = s_->pages();
    NodeId at = f.overflow;
    for (uint64_t steps = 0;
         at != kNoNode && g_.block(at) < pages && steps <= uint64_t{pages} * g_.slots_per_page; ++steps) {
      s_->poll();
      at = s_->read(g_.block(at), [&](PageView page) {
        if (!is_nodes(page, g_)) return kNoNode;
        const uint8_t* slot = slot_at(page, g_, g_.item(at));
        const OverflowHead& head = *reinterpret_cast<const OverflowHead*>(slot);
        if (head.state != State::kOverflow || head.owner != f.id || head.tid_count > g_.overflow_room())
          return kNoNode;
        for (uint32_t i = 0; i < head.tid_count; ++i) {
          tids_.push_back(get_tid(slot + sizeof(OverflowHead) + size_t{i} * kTidBytes));
        }
        return head.next;
      });
    }
  }
  void hand_out_aside() {
    if (aside_at_ == 0) sort_aside();
    hand_out(aside_[aside_at_++]);
  }
  void sort_aside() {
    ArenaHeap<Spot, Nearer> places(arena_);
    for (uint32_t i = 0; i < aside_.size(); ++i) places.push({aside_[i].bound, aside_[i].id, i});
    ArenaVec<Found> sorted(arena_);
    sorted.reserve(aside_.size());
    while (!places.empty()) sorted.push_back(aside_[places.pop().at]);
    aside_ = sorted;
  }

  S* s_;
  const Options* o_;
  const Query* q_;
  ScanLimits limits_;
  Arena arena_;
  Geometry g_;
  Walk walk_;
  ArenaVec<Found> found_;
  ArenaHeap<Spot, Nearer> order_;
  ArenaHeap<Spot, Farther>* worst_ = nullptr;
  FlatSet<uint32_t> done_;  // handed out or put aside before the sweep
  ArenaVec<Found> aside_;
  ArenaVec<Tid> tids_;  // of the node that is being handed out
  size_t tid_at_ = 0, aside_at_ = 0;
  Found now_{};
  double last_ = -std::numeric_limits<double>::infinity();
  Rounds round_;
  double distance_ = 0;  // of the row that was read last, see bound()
  uint32_t rounds_ = 0;
  uint64_t handed_out_ = 0;
  bool sweeping_ = false, swept_all_ = false, ended_ = false;
  double sweep_bound_ = 0;
  NodeId sweep_id_ = 0;
};

}  // namespace lowdim::paged::hnsw
