// The vectors of an index that keeps none, collected from the table for training (train.h). Reading the table
// takes locks, which nobody may do in a gate, so it comes in turns: list() notes the nodes, fetch() reads the
// rows of those that are new, and list() once more, in the gate, tells whether that was all.
//
// A node is known again by its number and its slot's version: as long as both stay it is the same vector. Its
// row's address belongs to no other row before vacuum has taken it out of the index, and what is read at an
// address that was taken out meanwhile is forgotten by the next list().
//
// A node whose row is gone stays out of the graph. It keeps no links and searches do not come by it, which
// nobody can miss; vacuum frees it with its address. Any other row that cannot be read stops the training: in
// a trained index it would not be found.
#pragma once

#include <algorithm>

#include "core/base/arena.h"
#include "paged/hnsw/layout.h"
#include "paged/store.h"

namespace lowdim::paged::hnsw {

// What reading a row came to.
enum class Fetched : uint8_t {
  kRow,   // it is there, and has the hash
  kGone,  // there is no row, for no snapshot that is or will be taken
  kUnfit  // neither
};

class TableRows {
 public:
  TableRows(Arena arena, const Options& o, size_t row_bytes)
      : g_(o),
        dims_(o.guide_dims),
        most_(row_bytes / (size_t{o.guide_dims} * sizeof(float))),
        nodes_(arena),
        fresh_(arena),
        rows_(arena),
        ids_(arena),
        hashes_(arena) {}

  // Notes the nodes that are there now, ascending, except those that are alone; what was read of them before
  // stays. False if their rows would be too many.
  template <Store S>
  bool list(S& s) {
    fresh_.clear();
    const Block pages = s.pages();
    for (Block block = kMetaBlock + 1; block < pages; ++block) {
      if (fresh_.size() > most_) return false;
      s.poll();
      s.read(block, [&](PageView page) {
        if (!is_nodes(page, g_)) return;
        for (uint32_t item = 0; item < g_.slots_per_page; ++item)
          note(g_.id(block, item), slot_at(page, g_, item));
      });
    }
    if (fresh_.size() > most_) return false;
    take_over();
    return true;
  }

  // Reads the rows that list() found new.
  template <Store S, class Read>
  void fetch(S& s, Read& read) {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      Node& node = nodes_[i];
      if (node.status != Status::kUnread) continue;
      // Of rows that no place of the node's own holds nothing is known.
      node.status = node.tid_count == 0 || node.more ? Status::kUnfit : Status::kGone;
      for (uint32_t t = 0; t < node.tid_count && node.status != Status::kRow; ++t) {
        s.poll();
        const Fetched got = read(node.tids[t], node.hash, row(i));
        if (got == Fetched::kRow) node.status = Status::kRow;
        if (got == Fetched::kUnfit) node.status = Status::kUnfit;
      }
    }
  }

  size_t unread() const { return count_of(Status::kUnread); }
  size_t unfit() const { return count_of(Status::kUnfit); }

  // Leaves the nodes whose rows were read; after it only the following may be called.
  void pack() {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].status != Status::kRow) continue;
      move_row(i, ids_.size());
      ids_.push_back(nodes_[i].id);
      hashes_.push_back(nodes_[i].hash);
    }
    std::sort(hashes_.begin(), hashes_.end());
    distinct_ = static_cast<uint32_t>(std::unique(hashes_.begin(), hashes_.end()) - hashes_.begin());
  }
  const NodeId* ids() const { return ids_.data(); }
  const float* rows() const { return rows_.data(); }
  uint32_t count() const { return static_cast<uint32_t>(ids_.size()); }
  uint32_t distinct() const { return distinct_; }  // different hashes

 private:
  enum class Status : uint8_t { kUnread, kRow, kGone, kUnfit };
  struct Node {
    NodeId id;
    uint32_t hash;
    uint16_t version;
    uint8_t tid_count;
    bool more;  // rows in overflow slots
    Status status;
    Tid tids[kInlineTids];
  };

  void note(NodeId id, const uint8_t* slot) {
    const SlotHead& head = head_of(slot);
    if (head.state != State::kLive || (head.flags & kAlone) != 0) return;
    Node node{id,
              head.hash,
              head.version,
              head.tid_count < kInlineTids ? head.tid_count : uint8_t{kInlineTids},
              head.overflow != kNoNode,
              Status::kUnread,
              {}};
    for (uint32_t t = 0; t < node.tid_count; ++t) node.tids[t] = get_tid(head.tids + t * kTidBytes);
    fresh_.push_back(node);
  }

  // Also with the same places, for of those that are gone another may have come.
  static bool same(const Node& a, const Node& b) {
    return a.id == b.id && a.version == b.version && a.tid_count == b.tid_count && a.more == b.more;
  }

  // From nodes_ to fresh_. Row i belongs to node i, and both lists ascend, so what stays keeps its order: its
  // rows are moved together, and then apart to where they belong, each from the end that leaves none
  // overwritten.
  void take_over() {
    size_t kept = 0;
    for (size_t i = 0, j = 0; i < nodes_.size() && j < fresh_.size();) {
      if (same(nodes_[i], fresh_[j])) {
        fresh_[j].status = nodes_[i].status;
        if (fresh_[j].status != Status::kUnread) move_row(i, kept++);
        ++i;
        ++j;
      } else if (nodes_[i].id <= fresh_[j].id) {
        ++i;
      } else {
        ++j;
      }
    }
    const size_t n = fresh_.size();
    // Room for some that come later: growing would copy all.
    rows_.reserve((n + n / 16 < most_ ? n + n / 16 : most_) * dims_);
    rows_.resize(n * dims_);
    for (size_t i = n; i > 0 && kept > 0; --i) {
      if (fresh_[i - 1].status != Status::kUnread) move_row(--kept, i - 1);
    }
    const ArenaVec<Node> old = nodes_;
    nodes_ = fresh_;
    fresh_ = old;
  }

  float* row(size_t i) { return rows_.data() + i * dims_; }
  void move_row(size_t from, size_t to) {
    if (from != to) std::memcpy(row(to), row(from), dims_ * sizeof(float));
  }
  size_t count_of(Status status) const {
    size_t n = 0;
    for (const Node& node : nodes_) n += node.status == status;
    return n;
  }

  Geometry g_;
  size_t dims_, most_;
  ArenaVec<Node> nodes_, fresh_;
  ArenaVec<float> rows_;
  ArenaVec<NodeId> ids_;
  ArenaVec<uint32_t> hashes_;
  uint32_t distinct_ = 0;
};

}  // namespace lowdim::paged::hnsw
