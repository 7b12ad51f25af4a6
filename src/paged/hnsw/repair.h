// Repair of the graph around dead nodes, between their marking and their freeing: whoever links to one gets
// what the dead one linked to, chosen anew by codes (neighbours.h); entries too; and nodes to which nobody
// leads any more are linked again. Numbers and codes come out of the dead slots, so no vector is read.
//
// Each page is one record, and every prefix of them is good: dead nodes may be linked to until they are
// freed. Inserts go on meanwhile: a list that has changed since it was read is read again. What has been
// mended stays so, since nobody links to a dead node after the gate kInserters was passed. Called by
// vacuum.h.
#pragma once

#include <new>

#include "paged/hnsw/create.h"
#include "paged/hnsw/neighbours.h"
#include "paged/hnsw/search.h"

namespace lowdim::paged::hnsw {

// A bit for each node of a range; those outside have none and cannot be given one.
class NodeBits {
 public:
  NodeBits() = default;
  NodeBits(Arena arena, uint64_t most) : words_(arena.grab<uint64_t>((most + 63) / 64)) {}
  void start(NodeId first, uint64_t count) {
    first_ = first;
    count_ = count;
    std::memset(words_, 0, (count + 63) / 64 * sizeof(uint64_t));
  }
  bool has(NodeId id) const {
    const uint64_t at = uint64_t{id} - first_;  // wraps for those before: more than count_
    return at < count_ && (words_[at / 64] >> (at % 64) & 1) != 0;
  }
  void set(NodeId id) {
    const uint64_t at = uint64_t{id} - first_;
    if (at < count_) words_[at / 64] |= uint64_t{1} << (at % 64);
  }
  bool covers(NodeId id) const { return uint64_t{id} - first_ < count_; }
  NodeId first() const { return first_; }
  uint64_t count() const { return count_; }

 private:
  uint64_t* words_ = nullptr;
  NodeId first_ = 0;
  uint64_t count_ = 0;
};

struct RepairCounts {
  uint64_t repaired = 0;  // nodes whose lists led to dead ones
  uint64_t walked = 0;    // of those and of the next, how many had to search the graph
  uint64_t relinked = 0;  // nodes nobody led to
  uint64_t entries = 0;   // replaced or taken away
};

// The tables of a code as if it were a query: each entry is how the distance changes with that segment, since
// distances add up over the segments. room: 2 * code_bytes bytes; u, v: code_dims floats; table: 16 *
// segments.
inline void tables_of_code(const Geometry& g, const core::GraphCode& code, const uint8_t* from,
                           uint8_t* changed, float* u, float* v, float* table, core::GraphTables* out) {
  code.decode(from, u);
  const float term = code.decoded_term(from, u);
  const float self = code.distance_decoded(u, term, u, term);
  std::memcpy(changed, from, g.code_bytes());
  float widest = 0;
  for (uint32_t s = 0; s < g.segments; ++s) {
    float* row = table + 16 * size_t{s};
    const uint32_t shift = 4 * (s % 2);
    for (uint32_t i = 0; i < 16; ++i) {
      changed[s / 2] = static_cast<uint8_t>((from[s / 2] & ~(15u << shift)) | i << shift);
      code.decode(changed, v);
      row[i] = code.distance_decoded(u, term, v, code.decoded_term(changed, v)) - self;
      if (!std::isfinite(row[i])) row[i] = 0;  // of a damaged model
    }
    changed[s / 2] = from[s / 2];
    float least = row[0], most = row[0];
    for (uint32_t i = 1; i < 16; ++i) {
      least = row[i] < least ? row[i] : least;
      most = row[i] > most ? row[i] : most;
    }
    for (uint32_t i = 0; i < 16; ++i) row[i] -= least;
    widest = most - least > widest ? most - least : widest;
  }
  const float inverse = widest > 0 && std::isfinite(widest) ? 255.0f / widest : 0.0f;
  for (size_t i = 0; i < 16 * size_t{g.segments}; ++i) {
    out->entries[i] = inverse > 0 ? static_cast<uint8_t>(table[i] * inverse + 0.5f) : 0;
  }
  out->bias = 0;
  out->step = widest / 255.0f;
}

template <Store S>
class Repair {
 public:
  // `dead`: the nodes to be freed. `code` null: dead links are taken away, nothing takes their place.
  // `linked` is used for the nodes that somebody leads to, over the same range as `dead`.
  Repair(S& s, Arena arena, const Options& o, const core::GraphCode* code, const NodeBits& dead,
         NodeBits& linked)
      : s_(s),
        arena_(arena),
        o_(o),
        g_(o),
        code_(code),
        dead_(dead),
        linked_(linked),
        seen_(arena, kMost),
        walk_(arena, o) {
    old_ = reinterpret_cast<uint8_t*>(arena.grab<uint64_t>(kPageBytes / sizeof(uint64_t)));
    new_ = reinterpret_cast<uint8_t*>(arena.grab<uint64_t>(kPageBytes / sizeof(uint64_t)));
    todo_ = arena.grab<uint32_t>(g_.slots_per_page);
    codes_ = arena.grab<uint8_t>(size_t{kMost} * g_.code_bytes());
    all_ = arena.grab<Candidate>(kMost);
    chosen_ = arena.grab<uint32_t>(g_.degree);
    spare_codes_ = arena.grab<uint8_t>(size_t{kSpares} * g_.code_bytes());
    if (code == nullptr) return;
    pruner_ = new (arena.grab_from(arena.self, sizeof(Pruner), alignof(Pruner))) Pruner(arena, g_, *code);
    tables_ = {arena.grab<uint8_t>(16 * size_t{g_.segments}), 0, 0};
    table_ = arena.grab<float>(16 * size_t{g_.segments});
    u_ = arena.grab<float>(code->code_dims());
    v_ = arena.grab<float>(code->code_dims());
    one_ = arena.grab<uint8_t>(g_.code_bytes());
  }

  RepairCounts run() {
    linked_.start(dead_.first(), dead_.count());
    const Block pages = s_.pages();  // with those of the inserts that the gate let out
    for (Block block = kMetaBlock + 1; block < pages; ++block) {
      s_.poll();
      mend_page(block);
    }
    entries();
    if (code_ != nullptr) orphans();
    return counts_;
  }

 private:
  static constexpr uint32_t kMost = 512;      // candidates for a list
  static constexpr uint32_t kDeadReads = 64;  // dead nodes read for one list
  static constexpr uint32_t kFewest = 4;      // with fewer candidates the graph is searched
  static constexpr uint32_t kTries = 4;       // of a list that changes all the time
  static constexpr uint32_t kSpares = 4;      // nodes that become entries if there are none left
  static constexpr uint32_t kBackLinks = 3;   // given to a node that nobody leads to

  bool good_list(const uint8_t* slot) const { return head_of(slot).count <= g_.degree; }
  bool leads_to_dead(const uint8_t* slot) const {
    for (uint32_t j = 0; j < head_of(slot).count; ++j) {
      if (dead_.has(neighbour_of(slot, g_, j))) return true;
    }
    return false;
  }
  void mark_linked(const uint8_t* slot) {
    if (head_of(slot).state != State::kLive) return;
    for (uint32_t j = 0; j < head_of(slot).count; ++j) linked_.set(neighbour_of(slot, g_, j));
  }
  void remember(NodeId id, const uint8_t* slot) {
    if (spares_ == kSpares || head_of(slot).state != State::kLive || (head_of(slot).flags & kAlone) != 0)
      return;
    std::memcpy(spare_codes_ + size_t{spares_} * g_.code_bytes(), slot + g_.code_offset(), g_.code_bytes());
    spare_[spares_++] = id;
  }
  uint8_t* kept(uint8_t* of, uint32_t i) const { return of + size_t{i} * g_.slot_bytes; }
  // The same node with the same links as when it was copied.
  bool unchanged(const uint8_t* slot, const uint8_t* copy) const {
    const SlotHead &a = head_of(slot), &b = head_of(copy);
    if (a.state != b.state || a.version != b.version || a.count != b.count) return false;
    for (uint32_t j = 0; j < a.count; ++j) {
      if (neighbour_of(slot, g_, j) != neighbour_of(copy, g_, j)) return false;
    }
    return true;
  }
  void copy_links(uint8_t* to, const uint8_t* from) const {
    std::memcpy(bundle_of(to, g_, 0), bundle_of(from, g_, 0), size_t{g_.bundles()} * g_.bundle_bytes());
    head_of(to).count = head_of(from).count;
  }
  void drop_dead(uint8_t* slot) const {
    SlotHead& head = head_of(slot);
    uint8_t code[(core::GraphCode::kMaxSegments + 2) / 2];
    for (uint32_t j = head.count; j-- > 0;) {
      if (!dead_.has(neighbour_of(slot, g_, j))) continue;
      const uint32_t last = head.count - 1u;
      get_code(Geometry::bundle_codes(bundle_of(slot, g_, last / kLanes)), last % kLanes, g_.segments, code);
      put_link(slot, g_, j, neighbour_of(slot, g_, last), code);
      head.count = static_cast<uint8_t>(last);
    }
  }

  void mend_page(Block block) {
    for (uint32_t attempt = 1;; ++attempt) {
      uint32_t n = 0;
      s_.read(block, [&](PageView page) {
        if (!is_nodes(page, g_)) return;
        for (uint32_t item = 0; item < g_.slots_per_page; ++item) {
          const uint8_t* slot = slot_at(page, g_, item);
          const State state = head_of(slot).state;
          const NodeId id = g_.id(block, item);
          // A dead node that is not to be freed yet is mended too: it may be read for another's list later.
          if ((state != State::kLive && state != State::kDead) || dead_.has(id) || !good_list(slot)) continue;
          if (leads_to_dead(slot)) {
            std::memcpy(kept(old_, n), slot, g_.slot_bytes);
            todo_[n++] = item;
            continue;
          }
          remember(id, slot);
          mark_linked(slot);
        }
      });
      if (n == 0) return;
      for (uint32_t i = 0; i < n; ++i) {
        std::memcpy(kept(new_, i), kept(old_, i), g_.slot_bytes);
        make_list(g_.id(block, todo_[i]), kept(new_, i));
        remember(g_.id(block, todo_[i]), kept(new_, i));
      }
      bool again = false;
      s_.poll();
      s_.change(block, [&](PageEdit page) {
        if (!is_nodes(page, g_)) return Verdict::kAbandon;
        for (uint32_t i = 0; i < n; ++i) {
          uint8_t* slot = slot_at(page, g_, todo_[i]);
          if (unchanged(slot, kept(old_, i))) {
            copy_links(slot, kept(new_, i));
          } else if (attempt < kTries) {
            again = true;
            continue;
          } else if (head_of(slot).state == State::kLive && good_list(slot)) {
            drop_dead(slot);
          }
          mark_linked(slot);
          ++counts_.repaired;
        }
        return Verdict::kCommit;
      });
      if (!again) return;
    }
  }

  // --- A list of candidates
  void begin(NodeId self, const uint8_t* code) {
    n_ = 0;
    seen_.clear();
    seen_.insert(self);
    pruner_->set_base(code);
  }
  void add(NodeId id, const uint8_t* code) {
    if (n_ == kMost || !seen_.insert(id)) return;
    uint8_t* to = codes_ + size_t{n_} * g_.code_bytes();
    std::memcpy(to, code, g_.code_bytes());
    const float far = pruner_->distance_from_base(to);
    all_[n_++] = {std::isnan(far) ? 0.0f : far, id,
                  to};  // a damaged model may say so, and sorting needs order
  }
  void add_lane(const uint8_t* slot, uint32_t j) {
    get_code(Geometry::bundle_codes(bundle_of(slot, g_, j / kLanes)), j % kLanes, g_.segments, one_);
    add(neighbour_of(slot, g_, j), one_);
  }
  // The first `given` candidates stay: they were linked by better distances than those of codes.
  void write_list(uint8_t* slot, uint32_t given) {
    std::sort(all_ + given, all_ + n_, nearer);
    // Lanes are scored whether they are filled or not, so all are.
    const uint32_t count = pruner_->choose_beside(all_, n_, given, n_ < g_.degree ? n_ : g_.degree, chosen_);
    for (uint32_t i = 0; i < count; ++i) put_link(slot, g_, i, all_[chosen_[i]].id, all_[chosen_[i]].code);
    head_of(slot).count = static_cast<uint8_t>(count);
  }

  void make_list(NodeId self, uint8_t* slot) {
    if (code_ == nullptr) return drop_dead(slot);
    begin(self, slot + g_.code_offset());
    NodeId dead[kDeadReads];
    uint32_t n_dead = 0;
    // First its own links, then those of the dead among them; and, while that is little, so on.
    for (uint32_t j = 0; j < head_of(slot).count; ++j) offer(slot, j, dead, &n_dead);
    const uint32_t near = n_dead, given = n_;
    for (uint32_t i = 0; i < n_dead && (i < near || n_ < g_.degree / 2); ++i) {
      s_.poll();
      s_.read(g_.block(dead[i]), [&](PageView page) {
        if (!is_nodes(page, g_)) return;
        const uint8_t* other = slot_at(page, g_, g_.item(dead[i]));
        if (head_of(other).state != State::kDead || !good_list(other)) return;
        for (uint32_t j = 0; j < head_of(other).count; ++j) offer(other, j, dead, &n_dead);
      });
    }
    if (n_ < kFewest) {
      ++counts_.walked;
      search(self, slot + g_.code_offset());
    }
    write_list(slot, given);
  }
  void offer(const uint8_t* slot, uint32_t j, NodeId* dead, uint32_t* n_dead) {
    const NodeId id = neighbour_of(slot, g_, j);
    if (!dead_.has(id)) {
      add_lane(slot, j);
    } else if (*n_dead < kDeadReads && seen_.insert(id)) {
      dead[(*n_dead)++] = id;
    }
  }
  // Adds what a walk finds near a code; true if one of those leads to `self`.
  bool search(NodeId self, const uint8_t* code) {
    tables_of_code(g_, *code_, code, one_, u_, v_, table_, &tables_);
    bool linked = false;
    walk(s_, o_, tables_, o_.ef_construction < kMost ? o_.ef_construction : kMost, walk_,
         [&](NodeId id, const uint8_t* slot) {
           if (head_of(slot).state != State::kLive || dead_.has(id) || id == self) return;
           linked |= good_list(slot) && has_link(slot, g_, self);
           add(id, slot + g_.code_offset());
         });
    return linked;
  }

  // --- Entries
  void entries() {
    FlatSet<uint32_t> ids(arena_, 64);
    bool any_dead = false;
    const auto each_page = [&](auto f) {
      const Block pages = s_.pages();
      Block at = o_.entries_block;
      std::memset(old_, 0, kPageBytes);
      for (Block steps = 0; at != kNoBlock && at < pages && steps < pages; ++steps) {
        s_.poll();
        const Block here = at;
        bool dead_here = false;
        at = s_.read(here, [&](PageView page) {
          if (!is_entries(page, g_)) return kNoBlock;
          for (uint32_t i = 0; i < page.body<EntriesHead>()->count; ++i) {
            const NodeId id = Geometry::bundle_ids(entries_bundle(page, g_, i / kLanes))[i % kLanes];
            dead_here |= dead_.has(id);
            ids.insert(id);
          }
          std::memcpy(old_, page.bytes(), kPageBytes);
          return page.next();
        });
        f(here, dead_here);
      }
    };
    each_page([&](Block, bool dead_here) { any_dead |= dead_here; });
    if (any_dead) {
      each_page([&](Block block, bool dead_here) {
        if (dead_here) mend_entries(block, ids);
      });
    }
    ids.clear();
    uint64_t left = 0;
    each_page([&](Block, bool) {
      const PageView page(old_);
      if (!is_entries(page, g_)) return;
      left += page.body<EntriesHead>()->count;
      for (uint32_t i = 0; i < page.body<EntriesHead>()->count; ++i) {
        linked_.set(Geometry::bundle_ids(entries_bundle(page, g_, i / kLanes))[i % kLanes]);
      }
    });
    // Where nearly all went, the rest may not hang together: so many are entries then, as in a small build.
    for (uint32_t i = 0; left < kSpares && i < spares_; ++i) {
      if (ids.contains(spare_[i])) continue;
      const uint8_t* code = spare_codes_ + size_t{i} * g_.code_bytes();
      if (!add_entry(s_, g_, o_.entries_block, spare_[i], code)) return;
      linked_.set(spare_[i]);
      ++left;
    }
  }
  // For each dead entry of the page in old_ the nearest live neighbour that is none yet.
  void mend_entries(Block block, FlatSet<uint32_t>& ids) {
    const PageView copy(old_);
    const uint32_t count = copy.body<EntriesHead>()->count;
    ArenaVec<Entry> instead(arena_);
    ArenaVec<NodeId> of(arena_);
    for (uint32_t i = 0; i < count && code_ != nullptr; ++i) {
      const NodeId id = Geometry::bundle_ids(entries_bundle(copy, g_, i / kLanes))[i % kLanes];
      if (!dead_.has(id)) continue;
      s_.poll();
      n_ = 0;
      s_.read(g_.block(id), [&](PageView page) {
        if (!is_nodes(page, g_)) return;
        const uint8_t* slot = slot_at(page, g_, g_.item(id));
        if (head_of(slot).state != State::kDead || !good_list(slot)) return;
        begin(id, slot + g_.code_offset());
        for (uint32_t j = 0; j < head_of(slot).count; ++j) {
          const NodeId to = neighbour_of(slot, g_, j);
          if (!dead_.has(to) && !ids.contains(to)) add_lane(slot, j);
        }
      });
      if (n_ == 0) continue;
      std::sort(all_, all_ + n_, nearer);
      ids.insert(all_[0].id);
      uint8_t* code = arena_.grab<uint8_t>(g_.code_bytes());
      std::memcpy(code, all_[0].code, g_.code_bytes());
      instead.push_back({all_[0].id, code});
      of.push_back(id);
    }
    s_.change(block, [&](PageEdit page) {
      if (!is_entries(page, g_)) return Verdict::kAbandon;
      uint32_t n = page.body<EntriesHead>()->count;
      for (uint32_t i = n; i-- > 0;) {
        const NodeId id = Geometry::bundle_ids(entries_bundle(page, g_, i / kLanes))[i % kLanes];
        if (!dead_.has(id)) continue;
        ++counts_.entries;
        uint32_t k = 0;
        while (k < of.size() && of[k] != id) ++k;
        if (k < of.size()) {
          put_entry(page, i, instead[k].id, instead[k].code);
        } else {
          --n;
          const uint8_t* bundle = entries_bundle(page, g_, n / kLanes);
          uint8_t code[(core::GraphCode::kMaxSegments + 2) / 2];
          get_code(Geometry::bundle_codes(bundle), n % kLanes, g_.segments, code);
          put_entry(page, i, Geometry::bundle_ids(bundle)[n % kLanes], code);
        }
      }
      page.items<EntriesHead>()->count = n;
      const size_t bytes = sizeof(EntriesHead) + size_t{(n + kLanes - 1) / kLanes} * g_.bundle_bytes();
      std::memset(page.bytes() + kBodyOffset + bytes, 0, page.body_bytes() - bytes);
      page.set_body_bytes(bytes);
      return Verdict::kCommit;
    });
  }
  void put_entry(PageEdit page, uint32_t i, NodeId id, const uint8_t* code) const {
    uint8_t* bundle = entries_bundle(page, g_, i / kLanes);
    Geometry::bundle_ids(bundle)[i % kLanes] = id;
    put_code(Geometry::bundle_codes(bundle), i % kLanes, g_.segments, code);
  }

  // --- Nodes that nobody leads to, and those that lead nowhere
  void orphans() {
    const Block pages = s_.pages();
    const uint64_t end = dead_.first() / g_.slots_per_page + dead_.count() / g_.slots_per_page;
    for (Block block = g_.block(dead_.first()); block < end && block < pages; ++block) {
      s_.poll();
      uint32_t n = 0;
      s_.read(block, [&](PageView page) {
        if (!is_nodes(page, g_)) return;
        for (uint32_t item = 0; item < g_.slots_per_page; ++item) {
          const uint8_t* slot = slot_at(page, g_, item);
          const SlotHead& head = head_of(slot);
          if (head.state != State::kLive || (head.flags & kAlone) != 0 || !good_list(slot)) continue;
          if (head.count != 0 && linked_.has(g_.id(block, item))) continue;
          std::memcpy(kept(old_, n), slot, g_.slot_bytes);
          todo_[n++] = item;
        }
      });
      for (uint32_t i = 0; i < n; ++i) relink(block, todo_[i], kept(old_, i));
    }
  }
  void relink(Block block, uint32_t item, const uint8_t* copy) {
    const NodeId self = g_.id(block, item);
    const uint8_t* own = copy + g_.code_offset();
    ++counts_.walked;
    begin(self, own);
    const bool led_to = search(self, own) || linked_.has(self);
    const uint32_t found = n_;
    std::sort(all_, all_ + n_, nearer);
    if (!led_to) {  // else by one that came after the sweep, or it is here for its own list
      ++counts_.relinked;
      uint32_t back = 0;
      for (uint32_t j = 0; j < found && j < 4 * kBackLinks && back < kBackLinks; ++j) {
        back += link_to(all_[j].id, self, own, false);
      }
      for (uint32_t j = 0; j < found && back == 0; ++j) back += link_to(all_[j].id, self, own, true);
      if (back == 0) add_entry(s_, g_, o_.entries_block, self, own);
    }
    if (head_of(copy).count >= kFewest || found == 0) return;
    uint8_t* fresh = kept(new_, 0);
    std::memcpy(fresh, copy, g_.slot_bytes);
    for (uint32_t j = 0; j < head_of(copy).count; ++j) add_lane(copy, j);
    pruner_->set_base(own);  // for link_to has another
    write_list(fresh, 0);
    s_.change(block, [&](PageEdit page) {
      if (!is_nodes(page, g_) || !unchanged(slot_at(page, g_, item), copy)) return Verdict::kAbandon;
      copy_links(slot_at(page, g_, item), fresh);
      return Verdict::kCommit;
    });
  }
  bool link_to(NodeId from, NodeId to, const uint8_t* code, bool force) {
    bool there = false;
    s_.poll();
    s_.change(g_.block(from), [&](PageEdit page) {
      if (!is_nodes(page, g_)) return Verdict::kAbandon;
      uint8_t* slot = slot_at(page, g_, g_.item(from));
      SlotHead& head = head_of(slot);
      if (head.state != State::kLive || !good_list(slot)) return Verdict::kAbandon;
      there = has_link(slot, g_, to);
      if (there) return Verdict::kAbandon;
      uint32_t lane = head.count;
      if (lane == g_.degree) lane = pruner_->lane_for(slot, to, code, force);
      if (lane == g_.degree) return Verdict::kAbandon;
      there = true;
      put_link(slot, g_, lane, to, code);
      if (lane == head.count) ++head.count;
      return Verdict::kCommit;
    });
    return there;
  }

  S& s_;
  Arena arena_;
  const Options& o_;
  Geometry g_;
  const core::GraphCode* code_;
  const NodeBits& dead_;
  NodeBits& linked_;
  RepairCounts counts_;
  FlatSet<uint32_t> seen_;
  Walk walk_;
  Pruner* pruner_ = nullptr;
  uint8_t* old_;  // slots as they were read
  uint8_t* new_;  // and as they shall be
  uint32_t* todo_;
  uint8_t* codes_;
  Candidate* all_;
  uint32_t n_ = 0;
  uint32_t* chosen_;
  uint8_t* one_ = nullptr;
  core::GraphTables tables_{};
  float* table_ = nullptr;
  float* u_ = nullptr;
  float* v_ = nullptr;
  NodeId spare_[kSpares];
  uint8_t* spare_codes_;
  uint32_t spares_ = 0;
};

}  // namespace lowdim::paged::hnsw
