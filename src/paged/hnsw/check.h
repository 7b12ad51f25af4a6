// check(): reads a whole lean_hnsw index and reports through Store::damage whatever is not as layout.h says,
// and returns a census. Called by lowdim_check and by tests.
//
// It needs quiet: nobody may change the index meanwhile, or what moves between two of its passes looks like
// damage. What a crash may leave is no damage and is counted instead: pages of zeros, dead nodes and links to
// them (the next vacuum goes on there), pages of a training that did not come to its end.
//
// What it cannot find: changed bits of payloads, hashes and unused room, as long as the numbers they make are
// possible ones; changed weights of the model, if finite. Data checksums of the server find those.
//
// Memory: the codes of as many nodes as fit the bound are held at a time, and as many addresses; where that
// is not all, there are more passes over the pages.
#pragma once

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "core/base/arena.h"
#include "core/graph/code.h"
#include "paged/hnsw/create.h"
#include "paged/hnsw/distance.h"
#include "paged/hnsw/slots.h"
#include "paged/store.h"

namespace lowdim::paged::hnsw {

struct CheckOptions {
  bool full = true;  // links with their codes, chains and addresses too; else each page by itself, once
  size_t memory_bytes = size_t{64} << 20;
  uint64_t most_reports = 1000;  // to Store::damage; all are counted
};

struct Census {
  uint64_t pages = 0, node_pages = 0, model_pages = 0, entries_pages = 0, free_pages = 0;
  uint64_t new_pages = 0;     // zeros: extended by what a crash or an error ended
  uint64_t unused_pages = 0;  // of a model or of entries that the meta page does not know
  uint64_t nodes = 0;         // live ones
  uint64_t alone = 0;         // of those, by design
  uint64_t dead = 0, free = 0, overflow = 0;
  uint64_t tids = 0;
  uint64_t links = 0;
  uint64_t bare = 0;  // live nodes of a trained index without neighbours
  uint64_t entries = 0, room_pages = 0;
  uint64_t unlisted_pages = 0;  // of nodes, with room but not on the list: the next vacuum puts them there
  // Of a full check
  uint64_t dead_links = 0, dead_entries = 0;
  uint64_t twin_entries = 0;  // nodes that are entries twice: an insert and a vacuum made them one
  uint64_t orphans = 0;       // live nodes of a trained index to which no node and no entry leads
  uint64_t passes = 0;        // over the node pages
  // What is wrong
  uint64_t damages = 0;
};

template <Store S>
class Checker {
 public:
  Checker(S& s, Arena arena, const CheckOptions& how)
      : s_(&s), arena_(arena), how_(how), g_(Options{}), chains_(arena) {}

  Census run() {
    pages_ = s_->pages();
    census_.pages = pages_;
    if (!meta()) return census_;
    trained_ = o_.model_block != kNoBlock;
    if (trained_) model();
    slots_ = uint64_t{pages_} * g_.slots_per_page;
    scratch_ = arena_.grab<float>(o_.dims);
    if (how_.full) make_window();
    census_.passes = 1;
    for (Block block = kMetaBlock + 1; block < pages_; ++block) {
      s_->poll();
      s_->read(block, [&](PageView page) { look(block, page); });
    }
    census_.unused_pages = census_.model_pages + census_.entries_pages - used_model_;
    room_list();
    free_list();
    entries(true);
    census_.unused_pages -= used_entries_;
    if (how_.full) rounds();
    return census_;
  }

 private:
  // A node in the window.
  static constexpr uint8_t kStateBits = 3, kIsNode = 4, kLinkedTo = 8, kInChain = 16, kIsAlone = 32,
                           kIsEntry = 64;

  struct Chain {
    NodeId node, first;
  };

  void report(Block block, uint32_t item, const char* what) {
    if (census_.damages++ < how_.most_reports) s_->damage(block, item, what);
  }
  void report(NodeId id, const char* what) { report(g_.block(id), g_.item(id), what); }

  bool meta() {
    if (pages_ == 0) {
      report(kMetaBlock, kWholePage, "there is no meta page");
      return false;
    }
    const bool good = s_->read(kMetaBlock, [&](PageView page) {
      if (read_meta(page, kFormat, o_) != MetaStatus::kGood) return false;
      header(kMetaBlock, page);
      const MetaHead* head = meta_head(page);
      if (head->option_bytes != sizeof(Options) || page.body_bytes() != sizeof(MetaHead) + sizeof(Options) ||
          head->reserved != 0 || page.next() != kNoBlock) {
        report(kMetaBlock, kWholePage, "the meta page has another size than it says");
      }
      return true;
    });
    if (!good) {
      report(kMetaBlock, kWholePage, "not the meta page of a lean_hnsw index that this version reads");
      return false;
    }
    if (!sane_geometry(o_)) {
      report(kMetaBlock, kWholePage, "the options say what cannot be");
      return false;
    }
    g_ = Geometry(o_);
    if (o_.trainable > 1 || o_.reserved1 != 0 || o_.ef_search == 0 || o_.ef_construction == 0 ||
        o_.ef_search > 65536 || o_.ef_construction > 65536 || !sane_calibration(o_.calibration)) {
      report(kMetaBlock, kWholePage, "an option has a value that cannot be");
    }
    if ((o_.model_block == kNoBlock) != (o_.entries_block == kNoBlock)) {
      report(kMetaBlock, kWholePage, "the model and the entries do not go together");
    }
    return true;
  }

  // What all pages have in common, beyond is_sane().
  void header(Block block, PageView page) {
    const PageHeader& h = page.header();
    const PageTrailer& t = page.trailer();
    if (h.flags != 0 || h.upper != h.special || h.size_and_version != (kPageBytes | 4) || h.prune_xid != 0) {
      report(block, kWholePage, "the page's header is changed");
    }
    if (t.reserved[0] != 0 || t.reserved[1] != 0 || t.reserved[2] != 0 ||
        (t.flags & (t.kind == kind::kNodes ? 0xFF & ~kHasRoom : 0xFFFF)) != 0) {
      report(block, kWholePage, "the page's trailer is changed");
    }
  }

  void model() {
    // Bounded by the file before memory is taken for it.
    if (o_.model_bytes < sizeof(core::GraphCodeHead) || o_.model_block == kMetaBlock ||
        o_.model_block >= pages_ || o_.model_bytes > uint64_t{pages_ - o_.model_block} * kBodyBytes) {
      report(kMetaBlock, kWholePage, "the model lies where it cannot be");
      return;
    }
    // Of doubles, for what is in it is read in place.
    uint8_t* image = reinterpret_cast<uint8_t*>(arena_.grab<double>(o_.model_bytes / sizeof(double) + 1));
    uint32_t at = 0;
    for (Block block = o_.model_block; at < o_.model_bytes; ++block) {
      s_->poll();
      const size_t got = block >= pages_ ? 0 : s_->read(block, [&](PageView page) {
        if (!page.is_kind(kind::kModel)) return size_t{0};
        const size_t left = o_.model_bytes - at, bytes = page.body_bytes();
        if (bytes > left) return size_t{0};
        std::memcpy(image + at, page.items<uint8_t>(), bytes);
        return bytes;
      });
      if (got == 0) {
        report(block, kWholePage, "a page of the model is missing or has another size");
        return;
      }
      at += static_cast<uint32_t>(got);
      ++used_model_;
    }
    core::GraphCode code;
    if (!core::GraphCode::open(image, o_.model_bytes, &code) || code.code_bytes() != g_.code_bytes() ||
        code.dims() != o_.guide_dims) {
      report(o_.model_block, kWholePage, "the model is damaged");
      return;
    }
    const float* weights = reinterpret_cast<const float*>(image + sizeof(core::GraphCodeHead));
    const size_t bytes =
        o_.model_bytes - sizeof(core::GraphCodeHead) - (code.segments() + 1) * sizeof(uint16_t);
    for (size_t i = 0; i < bytes / sizeof(float); ++i) {
      if (!std::isfinite(weights[i])) {
        report(o_.model_block, kWholePage, "the model has a weight that is no number");
        return;
      }
    }
  }

  // --- Each page by itself
  void look(Block block, PageView page) {
    if (page.is_new()) {
      ++census_.new_pages;
      return;
    }
    if (!page.is_sane()) return report(block, kWholePage, "not a page of this index");
    header(block, page);
    switch (page.trailer().kind) {
      case paged::kind::kFree:
        ++census_.free_pages;
        return;
      case kind::kModel:
        ++census_.model_pages;
        if (page.next() != kNoBlock) report(block, kWholePage, "a page of the model leads to another");
        return;
      case kind::kEntries:
        ++census_.entries_pages;
        return;
      case kind::kNodes:
        break;
      default:
        return report(block, kWholePage, "a page of an unknown kind");
    }
    if (!is_nodes(page, g_)) return report(block, kWholePage, "a page of nodes has another length");
    ++census_.node_pages;
    if (has_room(page)) {
      ++flagged_;
    } else if (page.next() != kNoBlock) {
      report(block, kWholePage, "a page that is on no list leads to another");
    }
    for (uint32_t item = 0; item < g_.slots_per_page; ++item)
      look_at_slot(block, item, slot_at(page, g_, item));
    if (how_.full && block < window_end_) hold(block, page);
  }

  void look_at_slot(Block block, uint32_t item, const uint8_t* slot) {
    const SlotHead& head = head_of(slot);
    switch (head.state) {
      case State::kFree:
        ++census_.free;
        for (uint32_t i = 0; i < g_.slot_bytes; ++i) {
          if (slot[i] != 0 && i / 2 != offsetof(SlotHead, version) / 2) {
            return report(block, item, "a free slot is not empty");
          }
        }
        return;
      case State::kOverflow: {
        ++census_.overflow;
        const OverflowHead& over = *reinterpret_cast<const OverflowHead*>(slot);
        if (over.reserved[0] != 0 || over.reserved[1] != 0 || over.reserved[2] != 0 ||
            over.tid_count > g_.overflow_room()) {
          return report(block, item, "an overflow slot's head is damaged");
        }
        if (over.owner >= slots_ || (over.next != kNoNode && over.next >= slots_)) {
          return report(block, item, "an overflow slot leads to what does not exist");
        }
        census_.tids += over.tid_count;
        return;
      }
      case State::kLive:
      case State::kDead:
        break;
      default:
        return report(block, item, "a slot in an unknown state");
    }
    if (head.count > g_.degree || head.tid_count > kInlineTids || (head.flags & ~(kExact | kAlone)) != 0 ||
        (head.overflow != kNoNode && head.overflow >= slots_)) {
      return report(block, item, "a node's head is damaged");
    }
    if (head.state == State::kDead) {
      ++census_.dead;
      if (head.tid_count != 0 || head.overflow != kNoNode) report(block, item, "a dead node has rows");
    } else {
      ++census_.nodes;
      census_.tids += head.tid_count;
      if (head.tid_count == 0 && head.overflow == kNoNode) report(block, item, "a live node has no rows");
    }
    if (!possible_payload(slot)) report(block, item, "a node's payload is not a vector of this index");
    const bool live = head.state == State::kLive, alone = (head.flags & kAlone) != 0;
    census_.alone += live && alone;
    if (!live || !trained_) return;  // what hangs on a dead node is read by nobody after the repair
    census_.links += head.count;
    census_.bare += head.count == 0 && !alone;
    if (alone && head.count != 0) report(block, item, "a node that should be alone has links");
    const NodeId self = g_.id(block, item);
    for (uint32_t j = 0; j < head.count; ++j) {
      const NodeId to = neighbour_of(slot, g_, j);
      if (to >= slots_) return report(block, item, "a link leads to a node that does not exist");
      if (to == self) return report(block, item, "a node links to itself");
      for (uint32_t k = 0; k < j; ++k) {
        if (neighbour_of(slot, g_, k) == to) return report(block, item, "a node links twice to another");
      }
    }
  }

  bool possible_payload(const uint8_t* slot) {
    const SlotHead& head = head_of(slot);
    if (!std::isfinite(head.error) || std::signbit(head.error)) return false;
    const bool exact = (head.flags & kExact) != 0,
               rounded = (head.flags & kAlone) == 0 && o_.payload != Payload::kNone;
    if (exact ? head.error != 0 : rounded && head.error == 0) return false;
    if (o_.payload != Payload::kFloat16 ? head.exponent != 0 : std::abs(head.exponent) > 160) return false;
    const uint8_t* payload = slot + g_.payload_offset();
    if (o_.payload == Payload::kNone) return true;
    if (o_.payload == Payload::kBits) {
      return o_.dims % 8 == 0 || (payload[o_.payload_bytes - 1] & (0xFF >> o_.dims % 8)) == 0;
    }
    decode_payload(o_, head, payload, scratch_);
    double norm = 0;
    for (uint32_t i = 0; i < o_.dims; ++i)
      norm += static_cast<double>(scratch_[i]) * static_cast<double>(scratch_[i]);
    if (!std::isfinite(norm)) return false;
    // Of an int8 code each component can be off by half a step.
    if (o_.metric == Metric::kCosine && (head.flags & kAlone) == 0) {
      const double most = 0.01 + static_cast<double>(head.error);
      if (std::fabs(std::sqrt(norm) - 1) > most) return false;
    }
    return true;
  }

  // --- Lists of pages
  void room_list() {
    Block at = o_.room_head;
    uint64_t count = 0;
    while (at != kNoBlock) {
      s_->poll();
      if (at >= pages_ || at == kMetaBlock) return report(at, kWholePage, "the list of room leads nowhere");
      if (count > flagged_) return report(at, kWholePage, "the list of room is a ring");
      const Block here = at;
      bool on_list = false, any = false;
      at = s_->read(here, [&](PageView page) {
        on_list = is_nodes(page, g_) && has_room(page);
        any = on_list && count_free(page, g_) != 0;
        return on_list ? page.next() : kNoBlock;
      });
      if (!on_list) return report(here, kWholePage, "a page on the list of room does not say so");
      if (!any) report(here, kWholePage, "a page on the list of room has none");
      ++count;
    }
    census_.room_pages = count;
    if (count != flagged_)
      report(kMetaBlock, kWholePage, "a page says that it is on the list of room, but is not");
  }

  void free_list() {
    Block at = s_->read(kMetaBlock, [](PageView page) {
      const MetaHead* head = meta_head(page);
      return head == nullptr ? kNoBlock : head->free_head;
    });
    uint64_t count = 0;
    for (; at != kNoBlock; ++count) {
      s_->poll();
      if (at >= pages_ || count >= census_.free_pages) break;
      bool is_free = false;
      at = s_->read(at, [&](PageView page) {
        is_free = page.is_kind(paged::kind::kFree);
        return page.next();
      });
      if (!is_free) break;
    }
    if (at != kNoBlock) report(at, kWholePage, "the list of free pages leads nowhere or is a ring");
    if (count != census_.free_pages) report(kMetaBlock, kWholePage, "a free page is not on the list of them");
  }

  // Once to see the chain itself, then for the nodes of each window.
  void entries(bool first) {
    Block at = trained_ ? o_.entries_block : kNoBlock;
    for (Block steps = 0; at != kNoBlock; ++steps) {
      s_->poll();
      if (at >= pages_ || at == kMetaBlock || steps >= census_.entries_pages) {
        if (first) report(at, kWholePage, "the entries lead nowhere or are a ring");
        return;
      }
      const Block here = at;
      at = s_->read(here, [&](PageView page) { return entries_page(here, page, first); });
    }
  }

  Block entries_page(Block block, PageView page, bool first) {
    const uint32_t count = is_entries(page, g_) ? page.body<EntriesHead>()->count : 0;
    if (!is_entries(page, g_) || page.body<EntriesHead>()->reserved != 0) {
      if (first) report(block, kWholePage, "a page of entries is damaged");
      return kNoBlock;
    }
    used_entries_ += first;
    census_.entries += first ? count : 0;
    for (uint32_t i = 0; i < count; ++i) {
      const uint8_t* bundle = entries_bundle(page, g_, i / kLanes);
      const NodeId id = Geometry::bundle_ids(bundle)[i % kLanes];
      if (id >= slots_) {
        if (first) report(block, i, "an entry does not exist");
        continue;
      }
      if (first || !in_window(id)) continue;
      uint8_t& flags = flags_[id - window_first_];
      if (state_of(flags) == State::kDead) {
        ++census_.dead_entries;
      } else if (state_of(flags) != State::kLive || (flags & kIsAlone) != 0) {
        report(block, i, "an entry is not a node of the graph");
        continue;
      }
      census_.twin_entries += (flags & kIsEntry) != 0;
      flags |= kIsEntry | kLinkedTo;
      if (!same_code(bundle, i % kLanes, id)) report(block, i, "the code beside an entry is not the node's");
    }
    return page.next();
  }

  // --- What lies across pages, for one window of nodes and one part of the addresses after the other
  void make_window() {
    const uint64_t per_block = uint64_t{g_.slots_per_page} * (1 + g_.code_bytes());
    const uint64_t blocks = how_.memory_bytes / 2 / per_block;
    window_blocks_ = static_cast<Block>(blocks < 1 ? 1 : blocks < pages_ ? blocks : pages_);
    const size_t slots = size_t{window_blocks_} * g_.slots_per_page;
    flags_ = arena_.grab<uint8_t>(slots);
    codes_ = arena_.grab<uint8_t>(slots * g_.code_bytes());
    code_ = arena_.grab<uint8_t>(g_.code_bytes());
    start_window(0);
  }
  void start_window(Block first) {
    window_first_ = g_.id(first, 0);
    window_end_ = pages_ - first < window_blocks_ ? pages_ : first + window_blocks_;
    std::memset(flags_, 0, size_t{window_blocks_} * g_.slots_per_page);
  }
  bool in_window(NodeId id) const { return id >= window_first_ && g_.block(id) < window_end_; }
  static State state_of(uint8_t flags) {
    return (flags & kIsNode) != 0 ? static_cast<State>(flags & kStateBits) : State::kFree;
  }
  void hold(Block block, PageView page) {
    for (uint32_t item = 0; item < g_.slots_per_page; ++item) {
      const uint8_t* slot = slot_at(page, g_, item);
      const SlotHead& head = head_of(slot);
      if (head.state > State::kOverflow) continue;
      const size_t at = g_.id(block, item) - window_first_;
      flags_[at] = static_cast<uint8_t>(static_cast<uint8_t>(head.state) | kIsNode);
      if (head.state == State::kLive && (head.flags & kAlone) != 0) flags_[at] |= kIsAlone;
      std::memcpy(codes_ + at * g_.code_bytes(), slot + g_.code_offset(), g_.code_bytes());
    }
  }
  bool same_code(const uint8_t* bundle, uint32_t lane, NodeId id) const {
    get_code(Geometry::bundle_codes(bundle), lane, g_.segments, code_);
    return std::memcmp(code_, codes_ + size_t{id - window_first_} * g_.code_bytes(), g_.code_bytes()) == 0;
  }

  void rounds() {
    // A set of keys of eight bytes, at most half full when it is made, and rounded up to a power of two.
    const uint64_t tids_at_once = how_.memory_bytes / 2 / 64 + 64;
    tid_parts_ = census_.tids / tids_at_once + 1;
    const uint64_t windows = (pages_ + window_blocks_ - 1) / window_blocks_;
    const uint64_t count = windows > tid_parts_ ? windows : tid_parts_;
    FlatSet<uint64_t> seen(arena_, census_.tids / tid_parts_ + 64);
    for (round_ = 0; round_ < count; ++round_) {
      const bool window = round_ < windows;
      if (window && round_ > 0) {
        start_window(static_cast<Block>(round_ * window_blocks_));
        ++census_.passes;
        for (Block block = g_.block(window_first_); block < window_end_; ++block) {
          s_->poll();
          s_->read(block, [&](PageView page) {
            if (is_nodes(page, g_)) hold(block, page);
          });
        }
      }
      if (!window) window_end_ = 0;  // only addresses are left
      seen.clear();
      if (window) entries(false);
      ++census_.passes;
      for (Block block = kMetaBlock + 1; block < pages_; ++block) {
        s_->poll();
        chains_.clear();
        s_->read(block, [&](PageView page) {
          if (!is_nodes(page, g_)) return;
          for (uint32_t item = 0; item < g_.slots_per_page; ++item) {
            cross_check(g_.id(block, item), slot_at(page, g_, item), seen);
          }
        });
        for (size_t i = 0; window && i < chains_.size(); ++i) follow(chains_[i]);
      }
      if (window) close_window();
    }
  }

  void cross_check(NodeId id, const uint8_t* slot, FlatSet<uint64_t>& seen) {
    const SlotHead& head = head_of(slot);
    if (head.state == State::kOverflow) {
      const OverflowHead& over = *reinterpret_cast<const OverflowHead*>(slot);
      if (over.tid_count > g_.overflow_room()) return;
      for (uint32_t i = 0; i < over.tid_count; ++i)
        tid(id, get_tid(slot + sizeof(OverflowHead) + size_t{i} * kTidBytes), seen);
    }
    if (head.state != State::kLive || head.count > g_.degree) return;
    for (uint32_t i = 0; i < head.tid_count && i < kInlineTids; ++i)
      tid(id, get_tid(head.tids + i * kTidBytes), seen);
    if (head.overflow < slots_) chains_.push_back({id, head.overflow});
    if (!trained_) return;
    for (uint32_t j = 0; j < head.count; ++j) {
      const NodeId to = neighbour_of(slot, g_, j);
      if (to >= slots_ || !in_window(to)) continue;
      uint8_t& flags = flags_[to - window_first_];
      if (state_of(flags) == State::kDead) {
        ++census_.dead_links;
      } else if (state_of(flags) != State::kLive || (flags & kIsAlone) != 0) {
        report(id, "a link leads to what is not a node of the graph");
        continue;
      }
      flags |= kLinkedTo;
      if (!same_code(bundle_of(slot, g_, j / kLanes), j % kLanes, to)) {
        report(id, "the code beside a neighbour's number is not the neighbour's");
      }
    }
  }

  void tid(NodeId id, Tid tid, FlatSet<uint64_t>& seen) {
    if (tid * 0x9E3779B97F4A7C15u % tid_parts_ != round_) return;
    if ((tid & 0xFFFF) == 0) report(id, "the address of a row that cannot be");
    if (!seen.insert(tid)) report(id, "the address of a row stands in the index twice");
  }

  // A chain of overflow slots; what is wrong with the chain itself is said in the first round.
  void follow(Chain chain) {
    NodeId at = chain.first;
    for (uint64_t steps = 0; at != kNoNode; ++steps) {
      s_->poll();
      const char* wrong = nullptr;
      NodeId next = kNoNode;
      if (at >= slots_) {
        wrong = "a chain of rows leads to a slot that does not exist";
      } else if (steps >= census_.overflow) {
        wrong = "a chain of rows is a ring, or leads to what is not one of its slots";
      } else {
        s_->read(g_.block(at), [&](PageView page) {
          const OverflowHead* head =
              is_nodes(page, g_) ? reinterpret_cast<const OverflowHead*>(slot_at(page, g_, g_.item(at)))
                                 : nullptr;
          if (head == nullptr || head->state != State::kOverflow || head->owner != chain.node) {
            wrong = "a chain of rows is a ring, or leads to what is not one of its slots";
          } else {
            next = head->next;
          }
        });
      }
      if (wrong != nullptr) {
        if (round_ == 0) report(chain.node, wrong);
        return;
      }
      if (in_window(at)) {
        uint8_t& flags = flags_[at - window_first_];
        if ((flags & kInChain) != 0) return report(at, "two chains of rows share a slot, or one is a ring");
        flags |= kInChain;
      }
      at = next;
    }
  }

  void close_window() {
    const Block first = g_.block(window_first_);
    for (size_t i = 0; i < size_t{window_end_ - first} * g_.slots_per_page; ++i) {
      const State state = state_of(flags_[i]);
      const NodeId id = window_first_ + static_cast<NodeId>(i);
      if (state == State::kOverflow && (flags_[i] & kInChain) == 0)
        report(id, "no node leads to an overflow slot");
      if (state == State::kLive && trained_ && (flags_[i] & (kLinkedTo | kIsAlone)) == 0) ++census_.orphans;
    }
  }

  S* s_;
  Arena arena_;
  CheckOptions how_;
  Census census_;
  Options o_{};
  Geometry g_;
  bool trained_ = false;
  Block pages_ = 0;
  uint64_t slots_ = 0;
  uint64_t flagged_ = 0, used_model_ = 0, used_entries_ = 0;
  float* scratch_ = nullptr;
  ArenaVec<Chain> chains_;
  // The window: nodes of blocks from window_first_'s to before window_end_.
  Block window_blocks_ = 0, window_end_ = 0;
  NodeId window_first_ = 0;
  uint8_t* flags_ = nullptr;
  uint8_t* codes_ = nullptr;
  uint8_t* code_ = nullptr;
  uint64_t round_ = 0, tid_parts_ = 1;
};

template <Store S>
Census check(S& s, Arena arena, const CheckOptions& how = {}) {
  return Checker<S>(s, arena, how).run();
}

}  // namespace lowdim::paged::hnsw
