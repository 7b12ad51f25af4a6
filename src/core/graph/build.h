// The graph under construction: rows of bytes (GraphCode::row) and neighbour lists in one piece of memory
// that several processes may share. Plain data, offsets only; nothing here allocates, throws or waits for
// long.
//
// Every node is inserted once, then improved once: a beam search from the entries finds candidates, occlusion
// pruning (Toussaint's relative neighbourhood, as in HNSW and Vamana) chooses among them, links go both ways.
// Lists have room for `slack` more links than the degree, and are pruned only when that is full: one pruning
// then pays for many links, and until then more links lead on. finish() prunes to the degree at the end.
//
// The caller numbers the nodes in shuffled order. The order of insertion is a tour over these numbers:
//   kShuffle        the first sixteenth as they are numbered, then the rest by neighbourhoods, so that what a
//                   search touches is still in the processor's cache from the one before. With the
//                   improvement, recall does not suffer; the time is halved (bench/core/graph.cpp)
//   kLidDescending  after the entries, by falling local intrinsic dimension, which Elliott and Clark (2024)
//                   found to suit HNSW; estimated from the distances to a sample, the first nodes numbered,
//                   which is as dear as finding a neighbourhood
//   kHeap           after the entries, as the table has the rows
// bench/core/orders.cpp compares them.
//
// Concurrency: a list is written under its node's lock, and read without one. A reader may see a list while
// it is pruned: ids then stand twice or are missing, but each is the id of an inserted node.
//
// The upper layers of HNSW are replaced by `entries`, the first nodes inserted, scanned at the start of every
// search.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/graph/code.h"
#include "core/simd/codes.h"

namespace lowdim::core {

enum class GraphOrder : uint8_t { kShuffle, kLidDescending, kHeap };

struct GraphBuildOptions {
  uint32_t n = 0;          // nodes
  uint32_t row_bytes = 0;  // code_dims of the code
  uint32_t degree = 32;    // most neighbours of a finished node
  uint32_t slack = 32;     // more than that while building
  uint32_t ef_construction = 64;
  uint32_t entries = 0;  // the first that many nodes inserted are entries
  GraphOrder order = GraphOrder::kShuffle;
};

class GraphBuild {
 public:
  // What one process needs beside the shared memory; `bytes` of it, any alignment of 8.
  struct Scratch {
    uint16_t* seen;  // per node, the epoch in which it was seen
    uint16_t epoch;
    int8_t* query;
    uint64_t* beam;
    uint32_t* ids;
    uint64_t* candidates;
    uint64_t* kept;
    uint64_t* overfull;  // a full list and one more, while it is pruned
    uint64_t* overfull_kept;
    uint64_t distances;  // counted
  };

  // What `options` take in shared memory, and in each process.
  static size_t shared_bytes(const GraphBuildOptions& options);
  static size_t scratch_bytes(const GraphBuildOptions& options);
  static Scratch make_scratch(const GraphBuildOptions& options, void* memory);

  // `memory`: shared_bytes(options), 8-aligned. `create`: by the one process that comes first.
  GraphBuild(const GraphBuildOptions& options, void* memory, bool create);

  // To be filled in for every node before any is inserted.
  uint8_t* row(uint32_t i) const { return rows_ + size_t{i} * row_stride_; }
  GraphRowTerms* terms(uint32_t i) const {
    return reinterpret_cast<GraphRowTerms*>(row(i) + row_stride_ - sizeof(GraphRowTerms));
  }

  // The tour: find_home() for every node, then make_tour() by one process; node tour(i) comes i-th. `place`:
  // of the node in its table.
  void find_home(uint32_t i, uint32_t place, Scratch& scratch) const;
  void make_tour() const;
  uint32_t tour(uint32_t i) const { return tour_[i]; }

  void insert(uint32_t i, Scratch& scratch) const;
  // A second look at an inserted node: searches again, now that all are there, and prunes what is found
  // together with what it has.
  void improve(uint32_t i, Scratch& scratch) const;
  // Prunes to the degree. After it nobody may insert.
  void finish(uint32_t i, Scratch& scratch) const;

  uint32_t count(uint32_t i) const { return counts_[i]; }
  const uint32_t* links(uint32_t i) const { return links_ + size_t{i} * room(); }
  uint32_t entry_count() const;
  uint32_t entry(uint32_t i) const { return entries_[i]; }

 private:
  uint32_t room() const { return options_.degree + options_.slack; }
  int32_t distance(const int8_t* query, const GraphRowTerms& of_query, uint32_t to) const;
  void load(uint32_t i, int8_t* query) const;
  uint32_t search(uint32_t i, bool from_own, uint32_t ef, Scratch& s) const;
  uint32_t choose(uint64_t* candidates, uint32_t n, uint32_t fill, uint64_t* kept, Scratch& s) const;
  uint32_t add_links(uint32_t i, const int8_t* query, uint64_t* candidates, uint32_t n, Scratch& s) const;
  void put(uint32_t i, const uint64_t* kept, uint32_t count) const;
  void connect(uint32_t i, uint32_t count, bool keep_old, Scratch& s) const;
  void link(uint32_t from, uint32_t to, uint64_t key, Scratch& s) const;
  uint32_t lid_rank(const int8_t* query, uint32_t i) const;
  void lock(uint32_t i) const;
  void unlock(uint32_t i) const;

  GraphBuildOptions options_;
  simd::CodeKernels::Int8Dot dot_;
  uint32_t* entry_count_;
  uint32_t* entries_;
  uint32_t row_stride_;
  uint8_t* rows_;
  uint32_t* links_;
  uint16_t* counts_;
  uint8_t* locks_;
  uint32_t* homes_;  // where a node comes in the tour: its neighbourhood, or a rank
  uint32_t* tour_;
};

}  // namespace lowdim::core
