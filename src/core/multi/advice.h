// Which options a fixed-dimensional encoding (core/multi/fde.h) should have for given documents and queries:
// the core of fde_advice, as a sequence of short calls, so that the server's side can fetch rows, tell what
// it does and serve interrupts in between. Owned by a memory context (pg/door.h: make_in).
//
// What is measured: how many candidates, the documents with the largest products of encodings, have to be
// ranked by MaxSim again until they hold, on average over the queries, the target's share of each query's
// exact ten best documents. A document counts as one of the ten if it is as good as the tenth, so that equal
// documents do not matter. All of it happens within a sample of the documents.
//
// The sample: every document draws a number, and those with the smallest numbers stay, as many as fit the
// budget (at most kMaxDocuments). It is the beginning of a random order, whatever the documents' sizes. Three
// quarters of the budget, at least, hold documents; the rest holds encodings of queries and scores, in
// batches of queries where they are many. Documents are encoded a few at a time and forgotten.
//
// Without given queries some documents are held out of the sample and cut to their first vectors: they may be
// easier or harder than real queries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/base/stop.h"
#include "core/multi/fde_options.h"
#include "core/multi/maxsim.h"

namespace lowdim::core {

class FdeEncoder;

// What one set of options does.
struct FdeTrial {
  FdeOptions options;
  uint32_t dims = 0;
  bool reached = false;      // the target, with half of the documents or fewer
  size_t candidates = 0;     // the fewest that reach it; half of the documents where it is not reached
  double recall = 0;         // at 10, among so many candidates
  double recall_at_100 = 0;  // at 10, among the first 100 candidates
};

// The place of the best: the fewest candidates and, of those that need at most a fifth more, the fewest
// dimensions; where none reaches the target the highest recall. At least one trial.
size_t choose_trial(const std::vector<FdeTrial>& trials);

class FdeAdvisor {
 public:
  static constexpr size_t kMaxDocuments = 5000;
  static constexpr size_t kLeastDocuments = 100;
  static constexpr size_t kMaxQueries = 200;       // of those given
  static constexpr size_t kHeldOut = 100;          // and at most a fifth of the sample
  static constexpr uint32_t kHeldOutVectors = 32;  // of each
  static constexpr size_t kNeighbours = 10;

  // Throws Error(kInvalidParameter) for a target outside (0, 1].
  void start(double target, size_t budget_bytes, uint64_t seed);

  // Draws the next document's number. True if the document is not for the sample, so that it need not be
  // read: it has been counted. Otherwise add() must follow.
  bool skip();
  // A document, which is copied. Throws Error(kData) for other dimensions than before.
  void add(const MultiView& document);
  // A query, which is copied; those after kMaxQueries are ignored. Throws as add.
  void add_query(const MultiView& query);

  // Finds each query's exact best documents. Throws Error: kData for fewer than kLeastDocuments documents,
  // kLimit where the budget holds no more than that; Stopped.
  void begin(Stop stop);
  // One for each set of options, in this order. The last two try the best again: without filling empty
  // blocks, and the best so far around the mean vector.
  size_t steps() const { return names_.size(); }
  const char* step_name(size_t i) const { return names_[i].c_str(); }
  void step(size_t i, Stop stop);

  // The answer as JSON, after the last step. Throws Stopped.
  const std::string& answer(Stop stop);

  size_t seen() const { return seen_; }
  size_t documents() const { return documents_.size(); }
  size_t queries() const { return queries_.size(); }
  size_t sample_bytes() const { return bytes_; }
  const std::vector<FdeTrial>& trials() const { return trials_; }

 private:
  struct Set {
    uint64_t key;
    uint32_t count;
    std::vector<float> x;
    bool operator<(const Set& other) const { return key < other.key; }
  };

  MultiView view(const Set& set) const { return {set.x.data(), set.count, dims_}; }
  Set copy(const MultiView& set, uint64_t key) const;
  void check_dims(const MultiView& set) const;
  void drop_last();
  void hold_out();
  void find_exact(Stop stop);
  void plan();
  FdeTrial measure(const FdeOptions& options, Stop stop) const;
  void score(FdeEncoder& encoder, const std::vector<float>& encoded, size_t batch, std::vector<float>& scores,
             Stop stop) const;
  void add_places(size_t query, const float* scores, std::vector<uint32_t>& places) const;
  std::vector<float> mean(Stop stop) const;
  double bucket_entropy(const FdeOptions& options, Stop stop) const;

  double target_ = 0;
  size_t document_bytes_ = 0, work_bytes_ = 0;  // the budget's parts
  uint32_t dims_ = 0;
  Random random_{0};
  uint64_t key_ = 0;
  bool has_key_ = false;
  uint64_t limit_ = UINT64_MAX;  // documents with greater keys are out
  size_t seen_ = 0, bytes_ = 0;
  double vectors_ = 0;          // in the sample
  std::vector<Set> documents_;  // a heap with the greatest key first; by key from begin() on
  std::vector<Set> queries_;
  bool given_ = false;
  std::vector<std::vector<uint32_t>> exact_;  // of each query: the documents no worse than its tenth
  std::vector<FdeOptions> plan_;
  std::vector<std::string> names_;
  std::vector<FdeTrial> trials_;
  std::string answer_;
};

}  // namespace lowdim::core
